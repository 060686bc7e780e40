"""Options of the explain pipeline."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator


class ExplainOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    top_k: int = Field(default=1, ge=1, le=10, description="explain so many tags, the best scores")
    wnid: Annotated[str, StringConstraints(pattern=r"^n\d{8}$")] | None = Field(
        default=None, description="explain this class instead, by its WordNet id as in a tag"
    )
    index: int | None = Field(default=None, ge=0, description="or by its index as in a tag")
    overlay: bool = Field(default=True, description="add the picture with its evidence, a PNG as base64")

    @model_validator(mode="after")
    def _names_one_class_at_most(self) -> Self:
        if self.wnid is not None and self.index is not None:
            raise ValueError("give either wnid or index")
        return self
