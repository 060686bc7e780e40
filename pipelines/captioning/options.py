"""Options of the captioning pipeline."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FeaturesOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    top_k: int = Field(default=5, ge=0, le=1000, description="tags at most")
    min_score: float = Field(default=0.02, ge=0, le=1, description="tags under this probability are left out")
    embedding: Literal["float", "base64", "none"] = Field(
        default="float", description="a list of numbers, base64 of little-endian float32, or nothing"
    )
    space: Literal["encoder", "clip"] = Field(
        default="encoder", description="whose embedding: the encoder's, or CLIP's, which texts share, where one serves"
    )
    labels: Literal["own", "encoder"] = Field(
        default="own", description="own: tags from KERNELSIGHT_CLIP_LABELS where there are any; encoder: its classes"
    )
    grid: bool = Field(default=False, description="add the spatial feature grid as base64 of float16")
