"""Explains a classifier's result: the exact share of each grid cell in a logit, and an overlay picture of them."""

import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from models.arrays import Array
from models.classifier import Classifier
from models.errors import ExplanationUnavailable
from models.manifest import Manifest
from models.runtime.model_info import ModelInfo
from pipelines.boxes import Box
from pipelines.cpu_pool import CpuPool
from pipelines.explain.cam import LogitParts, LogitTarget, decompose_logit
from pipelines.explain.overlay import draw_overlay
from pipelines.explain.types import Explanation
from pipelines.image.decode import Picture


@dataclass(frozen=True)
class Explainer:
    """Explains the results of one model. `classifier` is an error if its logits have no exact parts."""

    classifier: Classifier | ExplanationUnavailable
    pool: CpuPool

    @classmethod
    def load(cls, manifest: Manifest, graph: Path, pool: CpuPool) -> Self:
        """Slow; run it off the event loop. An ExplanationUnavailable is raised by `explain` instead."""
        try:
            return cls(Classifier.load(manifest, graph), pool)
        except ExplanationUnavailable as error:
            return cls(error, pool)

    async def explain(
        self, outputs: Mapping[str, Array], picture: Picture, region: Box, target: LogitTarget, *, draw: bool = True
    ) -> Explanation:
        """`outputs` are those of one item, without batch axis; its tensor showed `region` of `picture.pixels`.

        Raises ExplanationUnavailable.
        """
        if isinstance(self.classifier, ExplanationUnavailable):
            raise self.classifier
        parts = decompose_logit(self.classifier.grid(outputs), self.classifier, target)
        png = await self.pool.run(_encode_overlay, picture, parts, region) if draw else None
        x0, y0, x1, y1 = (round(edge / picture.scale, 1) for edge in region)
        return Explanation(
            logit=round(parts.total, 6),
            bias=round(parts.bias, 6),
            contributions=[[round(cell, 6) for cell in row] for row in parts.cells.tolist()],
            box=(x0, y0, x1, y1),
            overlay=png,
        )


class ExplainerCache:
    """Keeps one explainer for each graph of a model, loaded on first use."""

    def __init__(self, load: Callable[[ModelInfo | None], Awaitable[Explainer]]) -> None:
        """`load` gets None if the runtime does not say which graph answered."""
        self._load = load
        self._explainers: dict[ModelInfo | None, Explainer] = {}

    async def get(self, model_info: ModelInfo | None) -> Explainer:
        if model_info not in self._explainers:
            self._explainers[model_info] = await self._load(model_info)
        return self._explainers[model_info]


def _encode_overlay(picture: Picture, parts: LogitParts, region: Box) -> bytes:
    file = io.BytesIO()
    # Pillow's default level of 6 takes 3.5 times as long for 4 % fewer bytes.
    draw_overlay(picture.pixels, parts.cells, region).save(file, "PNG", compress_level=3)
    return file.getvalue()
