"""Results of the faces pipelines. Boxes and points are in pixels of the upright original."""

from typing import Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from pipelines.boxes import Box, BoxPosition
from pipelines.types import WireModel

Point = tuple[float, float]

QualityReason = Literal[
    "uncertain", "too small", "blurred", "turned away", "tilted up or down", "cut off", "dark", "overexposed",
    "several people",
]  # fmt: skip


class Landmarks(WireModel):
    """Left and right as seen in the image of an upright face; on a face that lies on its side they turn with it."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point


class Pose(WireModel):
    """Degrees, 0 for a face that looks straight out of the picture; rough, as it is estimated from five landmarks."""

    yaw: float = Field(description="positive when the face, turned upright, looks to the right of the image")
    pitch: float = Field(description="positive when it looks up")
    roll: float = Field(description="positive when it leans clockwise as seen")


class FaceQuality(WireModel):
    """How good an avatar the face would make. `suitability` is 1 at best; every reason has lowered it."""

    sharpness: float = Field(description="variance of the Laplacian of 0-1 luma, the face at 64 pixels")
    brightness: float = Field(description="mean luma of the face, 0-1")
    relative_size: float = Field(description="square root of the share of the image that the box covers, 0-1")
    suitability: float
    reasons: list[QualityReason]


class Face(WireModel):
    """A candidate. `is_face` says whether its score reaches the threshold; only then is there a quality."""

    box: Box = Field(description="x0, y0, x1, y1; clipped at the image's border")
    score: float = Field(description="calibrated: the share of such candidates that are faces")
    is_face: bool
    position: BoxPosition = Field(description="where in the image the middle of the box lies, by thirds")
    landmarks: Landmarks = Field(description="may lie outside the image where a face is cut off")
    pose: Pose
    quality: FaceQuality | None


class Faces(WireModel):
    """`faces` has the best score first; `primary` is the index of the largest and most central one that is a face."""

    faces: list[Face]
    primary: int | None
    count: int = Field(description="how many of `faces` are faces, not just candidates")
    detector: str = Field(description="which detector was used: yunet or mtcnn")
    threshold: float
    smallest_face: float = Field(description="side in pixels of the smallest face that this search finds reliably")

    # Without a return annotation, which would take the place of the fields in the schema.
    @model_serializer(mode="wrap")
    def _keep_primary(self, serialize: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """`primary` is null where there is no face, in replies that leave out what is None."""
        return {**serialize(self), "primary": self.primary}


class Avatar(WireModel):
    """`data` is the encoded image; `face` is the face that it shows, `index` its index among the faces found."""

    data: bytes
    media_type: Literal["image/png", "image/webp"]
    size: int
    index: int
    face: Face
