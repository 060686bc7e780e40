"""Finds objects: renders each view that a detector wants of a picture, infers all at once, and fuses the answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.concurrency import gather_or_cancel
from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.faces.canvas import MipPyramid, View, choose_canvas_size, fit_whole
from pipelines.image.decode import Picture
from pipelines.objects.detections import Detections, decode_outputs
from pipelines.objects.fusion import fuse_views
from pipelines.pipeline import Infer
from pipelines.resources import TaskModels
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

SHARED_DETECTION = "detection"  # key in `RunContext.shared` of the pass that a request's pipelines share

PADDING = 114  # grey level beside a letterboxed picture, as YOLOX was trained


@dataclass(frozen=True, slots=True)
class DetectorView:
    """One look of a model at a picture. `longer_side`, in pixels, keeps the picture's shape; None stretches it.

    `weight` is the view's share in fused scores.
    """

    manifest: Manifest
    longer_side: int | None
    weight: float

    def place(self, width: int, height: int) -> tuple[View, tuple[int, int]]:
        """The part of the canvas that a picture of `width` x `height` takes, and the canvas's (height, width)."""
        sizes = self.manifest.input.sizes
        if self.longer_side is None:
            return View((0, 0, width, height), sizes[0][1], sizes[0][0]), sizes[0]
        view = fit_whole(width, height, longer_side=self.longer_side, max_scale=np.inf)
        return view, choose_canvas_size(sizes, view.width, view.height)


@dataclass(frozen=True)
class ObjectDetector:
    """`name` is the preference's in tasks.toml."""

    name: str
    views: Sequence[DetectorView]
    models: list[ModelUsed]
    infer: Infer
    pool: CpuPool

    @classmethod
    def of(
        cls, models: TaskModels, used: Callable[[Manifest], ModelUsed], infer: Infer, pool: CpuPool
    ) -> "ObjectDetector":
        return cls(models.name, plan_views(models.manifests), [used(one) for one in models.manifests], infer, pool)

    async def detect_once(self, picture: Picture, context: RunContext) -> Detections:
        """Like `detect`. Callers with the same context share one pass, whose timings are recorded once."""
        return await context.once(SHARED_DETECTION, lambda: self.detect(picture.pixels, context))

    async def detect(self, pixels: Image.Image, context: RunContext) -> Detections:
        """Fused detections in upright RGB `pixels`, the best score first."""
        mips = MipPyramid(pixels)
        views = await gather_or_cancel(*(self._look(mips, view, context) for view in self.views))
        with context.stage("fuse"):
            return await self.pool.run(fuse_views, views, [view.weight for view in self.views])

    async def _look(self, mips: MipPyramid, view: DetectorView, context: RunContext) -> Detections:
        manifest = view.manifest
        part, size = view.place(mips.width, mips.height)
        with context.stage("preprocess"):
            canvas = await self.pool.run(render_on_canvas, mips, part, size)
        answer = await self.infer(
            manifest.id, {manifest.input.name: canvas}, priority=context.priority, deadline=context.deadline
        )
        context.record_inference(answer)
        with context.stage("postprocess"):
            shares = {"width": part.width / size[1], "height": part.height / size[0]}
            return await self.pool.run(decode_outputs, answer.outputs, **shares)


def render_on_canvas(mips: MipPyramid, view: View, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width, 3) RGB of `size`, the view in its top left corner, grey elsewhere."""
    pixels = view.render(mips)
    if pixels.shape[:2] == size:
        return np.ascontiguousarray(pixels)
    canvas = np.full((*size, 3), PADDING, np.uint8)
    canvas[: view.height, : view.width] = pixels
    return canvas


def plan_views(manifests: Sequence[Manifest]) -> list[DetectorView]:
    """A view for each longer side in a manifest's sizes; each model has the same weight, divided among its views."""
    views = []
    for manifest in manifests:
        is_stretched = manifest.input.resize == "stretch"
        sides: list[int | None] = [None] if is_stretched else [*sorted({max(size) for size in manifest.input.sizes})]
        views += [DetectorView(manifest, side, 1 / len(manifests) / len(sides)) for side in sides]
    return views
