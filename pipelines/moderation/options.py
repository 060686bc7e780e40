"""The options of the moderation pipeline."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _split_names(value: Any) -> Any:
    """Accept names as "a,b", as in a query, as well as in a list."""
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        return value
    return [name.strip() for part in parts for name in part.split(",") if name.strip()]


class ModerationOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    signals: Annotated[tuple[str, ...], BeforeValidator(_split_names)] = Field(
        default=(),
        description="run only these signals, comma-separated; by default all but 'text' in images, which takes "
        "seconds; 'instructions' reads images only where it is named",
    )
    tenant: str | None = Field(default=None, description="apply the rules that the policy has for this tenant")
    explain: bool = Field(
        default=False, description="add maps of the places that the scores come from, as PNG overlays"
    )
    preview: bool = Field(default=False, description="add a small, blurred picture for reviewers")
