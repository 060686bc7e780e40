"""Signal "nsfw": runs Yahoo's OpenNSFW on the whole picture, and on tiles of it where the whole looks unsafe.

Source: J. Mahadeokar, S. Farfade and others, "Open NSFW" (Yahoo, 2016), a ResNet-50 of half the width; weights
under the BSD-2-Clause licence. Its preprocessing is part of the model: see `PreprocessingChain`.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from models.inference import Inference
from models.manifest import Manifest
from pipelines.boxes import Box
from pipelines.cpu_pool import CpuPool
from pipelines.explain.explainer import ExplainerCache
from pipelines.explain.types import Explanation
from pipelines.image.decode import Picture
from pipelines.moderation.signals.nsfw_explain import RESIZED, NsfwExplainer
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.pipeline import Infer
from pipelines.run_context import RunContext, model_used
from pipelines.types import ModelUsed

# exact: from all pixels, as the model was published. fast: from a JPEG that was decoded at a smaller scale, which
# moves scores by .002 on average, .013 at most, and takes less than half the time for photographs from phones.
PreprocessingChain = Literal["exact", "fast"]

FAST_SIDE = 3 * RESIZED

# From this score of the whole on, tiles are scored as well. The model calls nearly every collage and contact sheet
# unsafe, though no tile of it is.
SUSPICIOUS = 0.5
TILE_SHARE = 0.6  # of each side: four that overlap, and the middle

Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True)
class NsfwSignal:
    manifest: Manifest
    used: ModelUsed
    infer_many: Infer
    pool: CpuPool
    explainers: ExplainerCache
    chain: PreprocessingChain = "exact"
    name: ClassVar[str] = "nsfw"

    @classmethod
    def score_names(cls) -> ScoreNames:
        return ("whole", "tiles")

    @property
    def models(self) -> list[ModelUsed]:
        return [self.used]

    @property
    def shorter_side(self) -> int | None:
        return None if self.chain == "exact" else FAST_SIDE

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """Scores `whole` and, for suspicious pictures, `tiles`: the highest of any tile. The score is `whole`."""
        inference = await self._infer(picture, [(0, 0, *picture.pixels.size)], context)
        [whole] = _read_scores(inference)
        scores, evidence = {"whole": whole}, list[Evidence]()
        if whole >= SUSPICIOUS:
            regions = split_into_tiles(*picture.pixels.size)
            tile_scores = _read_scores(await self._infer(picture, regions, context))
            scores["tiles"] = max(tile_scores)
            evidence = [
                Evidence(what="part of the picture", score=round(score, 6), box=_map_to_original(region, picture.scale))
                for score, region in zip(tile_scores, regions, strict=True)
            ]
        used = model_used(inference, self.used)
        version = f"{used.version}-{used.sha256[:12]}-{self.chain}"
        result = SignalResult.of(scores, evidence, detector=self.manifest.id, version=version)
        return result.model_copy(update={"score": result.scores["whole"]})

    async def explain(self, picture: Picture, context: RunContext) -> Explanation:
        """Which places of the picture raise its score as a whole; raises ExplanationUnavailable."""
        inference = await self._infer(picture, [(0, 0, *picture.pixels.size)], context)
        explainer = NsfwExplainer(await self.explainers.get(inference.model_info))
        return await explainer.explain({name: rows[0] for name, rows in inference.outputs.items()}, picture)

    async def _infer(self, picture: Picture, regions: Sequence[Rectangle], context: RunContext) -> Inference:
        with context.stage("nsfw.preprocess"):
            items = await self.pool.run(self._make_batch, picture.pixels, regions)
        inputs = {self.manifest.input.name: items}
        inference = await self.infer_many(
            self.manifest.id, inputs, priority=context.priority, deadline=context.deadline
        )
        context.record_inference(inference, wait="nsfw.wait", session="nsfw.session")
        return inference

    def _make_batch(self, pixels: Image.Image, regions: Sequence[Rectangle]) -> NDArray[np.float32]:
        return np.stack([make_tensor(pixels, region, self.manifest) for region in regions])


def _read_scores(inference: Inference) -> list[float]:
    return [float(score) for score in inference.outputs["outputs"][:, 1]]


def make_tensor(pixels: Image.Image, region: Rectangle, manifest: Manifest) -> NDArray[np.float32]:
    """`region` of upright RGB `pixels` as the net takes it: (224, 224, 3) float32 BGR, less the training mean.

    The whole region is stretched to 256 x 256 pixels, and its middle is saved as a JPEG and loaded again: the net
    was trained on pixels with such losses, and its scores differ by up to .16 without them. Another filter than
    Pillow's bilinear one moves scores by up to .28.
    """
    contract = manifest.input
    height, width = contract.sizes[0]
    resized = pixels.resize((RESIZED, RESIZED), Image.Resampling.BILINEAR, box=region)
    left, top = (RESIZED - width) // 2, (RESIZED - height) // 2
    middle = resized.crop((left, top, left + width, top + height))
    bgr = np.asarray(_reload_as_jpeg(middle), np.float32)[:, :, ::-1]
    return np.ascontiguousarray(bgr - np.array(contract.mean, np.float32))


def _reload_as_jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    file.seek(0)
    return JpegImagePlugin.JpegImageFile(file)


def split_into_tiles(width: int, height: int) -> list[Rectangle]:
    """Four overlapping corners and the middle, each `TILE_SHARE` of both sides."""
    across, down = max(1, round(width * TILE_SHARE)), max(1, round(height * TILE_SHARE))
    corners = [(x, y) for y in (0, height - down) for x in (0, width - across)]
    starts = [*corners, ((width - across) // 2, (height - down) // 2)]
    return [(x, y, x + across, y + down) for x, y in starts]


def _map_to_original(region: Rectangle, scale: float) -> Box:
    x0, y0, x1, y1 = (round(edge / scale, 1) for edge in region)
    return x0, y0, x1, y1
