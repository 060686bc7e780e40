"""The result types of the objects pipeline."""

from pydantic import Field

from pipelines.boxes import Box, BoxPosition
from pipelines.types import WireModel


class DetectedObject(WireModel):
    """`score` is calibrated: of many objects with about .8, eight in ten are right, label and box."""

    label: str
    box: Box = Field(description="x0, y0, x1, y1 in pixels of the upright image")
    score: float
    position: BoxPosition = Field(description="where in the image the middle of the box lies, by thirds")
    size: float = Field(description="the box's share of the image's area, 0-1")


class ObjectStatement(WireModel):
    """So many objects of a label are in the picture: exactly, or at least."""

    label: str
    count: int
    is_exact: bool
    certainty: float = Field(description="the calibrated chance that the image shows such an object at all")
    size: float = Field(description="the surest box's share of the image's area, 0-1")


class Objects(WireModel):
    """`counts` may be stated as facts: labels that are certain enough, and how many there are, as far as one can tell.

    A label without a certain box may be counted, and not every listed object is stated: they answer two questions.
    Nothing is stated of pages and screens, where the request's features say that it is one.
    """

    objects: list[DetectedObject] = Field(description="best score first")
    counts: dict[str, int] = Field(description="by label, the most certain first; over 5 read it as more than 5")
    statements: list[ObjectStatement] = Field(description="the same labels, in numbers that are certain")
    precision: float = Field(description="the share of stated labels that is right, as measured")
    detector: str
