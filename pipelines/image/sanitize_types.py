"""Options and result of the sanitize pipeline."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipelines.types import WireModel

OutputFormat = Literal["jpeg", "png", "webp"]


class SanitizeOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["auto", "jpeg", "png", "webp"] = Field(
        default="auto", description="auto: PNG or WebP where the file is lossless or transparent, else JPEG or WebP"
    )
    quality: int = Field(default=90, ge=1, le=100, description="of JPEG and lossy WebP")
    max_side: int | None = Field(default=None, ge=1, le=16_383, description="shrink to this longer side, in pixels")


class SanitizedImage(WireModel):
    """`data` is the new file; `frames` is the number of frames in the old one, of which the first was kept."""

    data: bytes
    media_type: str
    width: int
    height: int
    frames: int
