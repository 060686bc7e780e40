"""Results of the explain pipeline. Boxes are pixels of the upright original."""

from base64 import b64encode
from typing import Annotated

from pydantic import Field, PlainSerializer, WithJsonSchema

from pipelines.boxes import Box
from pipelines.types import Tag, WireModel

# pydantic's own base64 has the URL-safe alphabet; data URLs need the standard one.
Png = Annotated[
    bytes,
    PlainSerializer(lambda data: b64encode(data).decode("ascii"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}),
]


class Explanation(WireModel):
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


class ExplainedTag(Explanation, Tag):
    """A tag with its explanation."""


class ExplainResult(WireModel):
    """Explanations, the best score first."""

    explanations: list[ExplainedTag]
