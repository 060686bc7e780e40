"""Options of the objects pipeline."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _split_names(given: Any) -> Any:
    """As everywhere: "dog,cat", which a query gives as a list of one."""
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        return given
    return tuple(name.strip() for one in given for name in one.split(","))


LabelNames = Annotated[tuple[str, ...], BeforeValidator(_split_names)]


class ObjectsOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    min_score: float = Field(
        default=0.3, ge=0, le=1, description="weaker objects are left out of the list; `counts` does not depend on it"
    )
    labels: LabelNames | None = Field(default=None, description="only these, comma-separated; by default all")
    max: int = Field(default=100, ge=1, le=1000, description="list at most so many, the best scores")
    precision: float | None = Field(
        default=None, ge=0.8, le=0.99,
        description="the share of stated labels that is right: higher states less; by default the service's setting",
    )  # fmt: skip
