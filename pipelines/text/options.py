"""Options of the text pipeline."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TextOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["auto", "full"] = Field(
        default="auto", description="auto: where a look at low resolution finds text, within a budget; full: everywhere"
    )
