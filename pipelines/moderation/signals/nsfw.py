"""Signal "nsfw": Yahoo's OpenNSFW on the whole picture, and on parts of it where the whole looks unsafe.

Source: J. Mahadeokar, S. Farfade and others, "Open NSFW" (Yahoo, 2016), a ResNet-50 of half the width; weights
under the BSD-2-Clause licence. Its preprocessing is part of the model: see `Chain`.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from models.inference import Inference
from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.explain.explainer import Explainers, Explanation
from pipelines.image.decode import Picture
from pipelines.moderation.signals.nsfw_explain import RESIZED, NsfwMap
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext, used_in
from pipelines.types import ModelUsed

# exact: from all pixels, as the model was published. fast: from a JPEG that was decoded at a smaller scale, which
# moves scores by .002 on average, .013 at most, and takes less than half the time for photographs from phones.
Chain = Literal["exact", "fast"]

FAST_SIDE = 3 * RESIZED

# From this score of the whole on, its parts are looked at as well. The model calls nearly every collage and contact
# sheet unsafe; then no part of it is.
SUSPICIOUS = 0.5
TILE = 0.6  # of each side: four that overlap, and the middle

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True)
class Nsfw:
    manifest: Manifest
    used: ModelUsed
    infer_many: Infer
    pool: CpuPool
    explainers: Explainers
    chain: Chain = "exact"
    name: str = "nsfw"

    @property
    def models(self) -> list[ModelUsed]:
        return [self.used]

    @property
    def shorter_side(self) -> int | None:
        return None if self.chain == "exact" else FAST_SIDE

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """Scores `whole` and, for suspicious pictures, `tiles`: the highest of any part. The score is `whole`."""
        seen = await self._infer(picture, [(0, 0, *picture.pixels.size)], context)
        [whole] = _scores(seen)
        scores, evidence = {"whole": whole}, list[Evidence]()
        if whole >= SUSPICIOUS:
            regions = tiles(*picture.pixels.size)
            found = _scores(await self._infer(picture, regions, context))
            scores["tiles"] = max(found)
            evidence = [
                Evidence(what="part of the picture", score=round(score, 6), box=_original(region, picture.scale))
                for score, region in zip(found, regions, strict=True)
            ]
        used = used_in(seen, self.used)
        version = f"{used.version}-{used.sha256[:12]}-{self.chain}"
        reading = SignalResult.of(scores, evidence, detector=self.manifest.id, version=version)
        return reading.model_copy(update={"score": reading.scores["whole"]})

    async def explain(self, picture: Picture, context: RunContext) -> Explanation:
        """Which places of the picture speak for its score as a whole; raises ExplanationUnavailable."""
        seen = await self._infer(picture, [(0, 0, *picture.pixels.size)], context)
        where = NsfwMap(await self.explainers.of(seen.served))
        return await where.of({name: rows[0] for name, rows in seen.outputs.items()}, picture)

    async def _infer(self, picture: Picture, regions: Sequence[Rectangle], context: RunContext) -> Inference:
        with context.stage("nsfw.preprocess"):
            items = await self.pool.run(self._items, picture.pixels, regions)
        inputs = {self.manifest.input.name: items}
        answer = await self.infer_many(self.manifest.id, inputs, priority=context.priority, deadline=context.deadline)
        context.inferred(answer, wait="nsfw.wait", session="nsfw.session")
        return answer

    def _items(self, pixels: Image.Image, regions: Sequence[Rectangle]) -> NDArray[np.float32]:
        return np.stack([tensor(pixels, region, self.manifest) for region in regions])


def _scores(answer: Inference) -> list[float]:
    return [float(score) for score in answer.outputs["outputs"][:, 1]]


def tensor(pixels: Image.Image, region: Rectangle, manifest: Manifest) -> NDArray[np.float32]:
    """`region` of upright RGB `pixels` as the net takes it: (224, 224, 3) float32 BGR, the training mean taken off.

    The whole region is stretched to 256 x 256 pixels, and its middle is saved as a JPEG and loaded again: the net
    was trained on pixels with such losses, and answers up to .16 differently without them. Another filter than
    Pillow's bilinear one moves scores by up to .28.
    """
    contract = manifest.input
    height, width = contract.sizes[0]
    resized = pixels.resize((RESIZED, RESIZED), Image.Resampling.BILINEAR, box=region)
    left, top = (RESIZED - width) // 2, (RESIZED - height) // 2
    middle = resized.crop((left, top, left + width, top + height))
    bgr = np.asarray(_as_jpeg(middle), np.float32)[:, :, ::-1]
    return np.ascontiguousarray(bgr - np.array(contract.mean, np.float32))


def _as_jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    file.seek(0)
    return JpegImagePlugin.JpegImageFile(file)


def tiles(width: int, height: int) -> list[Rectangle]:
    """Four overlapping corners and the middle, each `TILE` of both sides."""
    across, down = max(1, round(width * TILE)), max(1, round(height * TILE))
    corners = [(x, y) for y in (0, height - down) for x in (0, width - across)]
    starts = [*corners, ((width - across) // 2, (height - down) // 2)]
    return [(x, y, x + across, y + down) for x, y in starts]


def _original(region: Rectangle, scale: float) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (round(edge / scale, 1) for edge in region)
    return x0, y0, x1, y1
