"""Where in a picture a classifier's answer comes from: its parts, to the last decimal, and a picture of them."""

import io
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PlainSerializer, WithJsonSchema

from models.classifier import Classifier
from models.errors import ExplanationUnavailable
from models.manifest import Manifest
from models.runtime.model_info import Served
from models.runtime.session import Array
from pipelines.cpu_pool import CpuPool
from pipelines.explain.cam import Parts, Question, parts
from pipelines.explain.overlay import overlay
from pipelines.image.decode import Picture
from pipelines.types import Wire

Box = tuple[float, float, float, float]

# Not pydantic's own base64, whose alphabet is that of URLs: data URLs need the other one.
Png = Annotated[
    bytes,
    PlainSerializer(lambda data: b64encode(data).decode("ascii"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}),
]


class Explanation(Wire):
    """The parts of one logit (or of the difference of two), cell by cell: they sum to it."""

    logit: float = Field(description="what is explained: the class's score before softmax; of two classes the log-odds")
    bias: float = Field(description="the share of it that no place gives: the classifier's bias, spread evenly")
    contributions: list[list[float]] = Field(description="what each cell of the grid adds, rows from the top")
    box: Box = Field(description="what the cells cover in equal parts: the region that the model was shown")
    overlay: Png | None = Field(
        default=None,
        description="the picture, 512 pixels at most: warm where evidence speaks for the answer, cold where against",
    )

    @property
    def strongest(self) -> tuple[float, float]:
        """The middle of the cell that adds most, in pixels of the upright original."""
        rows, columns = len(self.contributions), len(self.contributions[0])
        row, column = max(
            ((row, column) for row in range(rows) for column in range(columns)),
            key=lambda cell: self.contributions[cell[0]][cell[1]],
        )
        x0, y0, x1, y1 = self.box
        return x0 + (column + 0.5) * (x1 - x0) / columns, y0 + (row + 0.5) * (y1 - y0) / rows


@dataclass(frozen=True)
class Explainer:
    """Explains answers of one model. `classifier` is an error for a model whose answers have no exact parts."""

    classifier: Classifier | ExplanationUnavailable
    pool: CpuPool

    @classmethod
    def load(cls, manifest: Manifest, graph: Path, pool: CpuPool) -> Self:
        """Slow, off the event loop: see `Classifier.load`. What it raises is raised by every `explain` instead."""
        try:
            return cls(Classifier.load(manifest, graph), pool)
        except ExplanationUnavailable as error:
            return cls(error, pool)

    async def explain(
        self, outputs: Mapping[str, Array], picture: Picture, region: Box, question: Question, *, draw: bool = True
    ) -> Explanation:
        """`outputs` are those of one item, without batch axis; `region` of `picture.pixels` is what its tensor showed.

        Raises ExplanationUnavailable.
        """
        if isinstance(self.classifier, ExplanationUnavailable):
            raise self.classifier
        found = parts(self.classifier.grid(outputs), self.classifier, question)
        png = await self.pool.run(_png, picture, found, region) if draw else None
        x0, y0, x1, y1 = (round(edge / picture.scale, 1) for edge in region)
        return Explanation(
            logit=round(found.total, 6),
            bias=round(found.bias, 6),
            contributions=[[round(part, 6) for part in row] for row in found.cells.tolist()],
            box=(x0, y0, x1, y1),
            overlay=png,
        )


class Explainers:
    """Explains answers of one model, whichever of its graphs gave them; loads what that takes once a graph."""

    def __init__(self, load: Callable[[Served | None], Awaitable[Explainer]]) -> None:
        """`load` is given None where no runtime says which graph answered."""
        self._load = load
        self._known: dict[Served | None, Explainer] = {}

    async def of(self, served: Served | None) -> Explainer:
        if served not in self._known:
            self._known[served] = await self._load(served)
        return self._known[served]


def _png(picture: Picture, found: Parts, region: Box) -> bytes:
    file = io.BytesIO()
    # Pillow's default level of 6 takes 3.5 times as long for 4 % fewer bytes.
    overlay(picture.pixels, found.cells, region).save(file, "PNG", compress_level=3)
    return file.getvalue()
