"""Options of the faces pipelines."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class FacesOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(
        default=0.5, ge=0, le=1, description="from this score on a candidate is a face: counted, measured, eligible"
    )
    min_score: float = Field(default=0.02, ge=0, le=1, description="weaker candidates are left out of the list")
    max_faces: int = Field(default=1000, ge=1, le=1000, description="list at most so many, the best scores")
    min_face_size: int | None = Field(
        default=None, ge=1, description="leave out smaller faces; side in pixels. Small values make the search finer"
    )
    effort: Literal["thorough", "fast"] = Field(
        default="thorough",
        description="fast: one coarse pass, nothing finer for small faces, no further try where nothing is found",
    )
    turned: bool = Field(
        default=False,
        description="search for sideways and upside-down faces also with effort fast, and where nothing hints at "
        "a face",
    )


class AvatarOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=256, ge=32, le=1024, description="side of the square image in pixels")
    shape: Literal["square", "circle"] = "square"
    format: Literal["png", "webp"] = "png"
    face: Literal["primary"] | Annotated[int, Field(ge=0)] = Field(
        default="primary", description="or the index of a face in the result of /v1/faces with the same threshold"
    )
    padding: Annotated[str, StringConstraints(pattern=r"^(reflect|#[0-9a-fA-F]{6})$")] = Field(
        default="reflect", description="what the frame shows outside the image: its reflection, or a colour #rrggbb"
    )
    threshold: float = Field(default=0.5, ge=0, le=1, description="score from which a candidate is a face")
    min_suitability: float = Field(default=0.1, ge=0, le=1, description="refuse faces less suitable than this")
