"""The policy: the rules that turn scores into a verdict.

results of all signals ─► rules of the tenant ─► fired rules ─► the strictest of their verdicts
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pipelines.errors import RequestRejected
from pipelines.moderation.disguises import Disguises
from pipelines.moderation.text_rules import TextRules, TextSignal
from pipelines.moderation.types import Verdict

ScoreName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]*(\.[A-Za-z0-9][\w./-]*)?$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w./-]*$")]
Score = Annotated[float, Field(ge=0, le=1)]

# The categories of OpenAI's moderation endpoint, in the order of its documentation.
OpenAICategory = Literal[
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
]  # fmt: skip


class PolicyModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Confirmation(PolicyModel):
    """A second score that must be reached as well before a rule blocks; otherwise it asks for review."""

    signal: ScoreName
    at: Score
    optional: bool = Field(default=False, description="no condition where the signal was not run")


def _list_one(given: Any) -> Any:
    return [given] if isinstance(given, Mapping) else given


class Rule(PolicyModel):
    """Fires when its score reaches one of its thresholds; the strictest threshold reached is its verdict."""

    signal: ScoreName = Field(description="a signal, or one of its scores: 'nsfw', 'objects.weapon'")
    category: Name = Field(description="the name that people see; free")
    openai: OpenAICategory | None = Field(default=None, description="the OpenAI category that it answers for")
    severity: int = Field(default=3, ge=0, le=6, description="0 harmless to 6 worst")
    allow: Score | None = Field(default=None, description="from here on it fires without changing the verdict")
    review: Score | None = None
    block: Score | None = None
    confirm: Annotated[tuple[Confirmation, ...], BeforeValidator(_list_one)] = Field(
        default=(), description="one or several: blocks only if all of them are reached, else reviews"
    )
    unless: tuple[ScoreName, ...] = Field(default=(), description="does not fire when one of these is at .5 or more")
    soften: tuple[ScoreName, ...] = Field(default=(), description="reviews, not blocks, when one of these is")
    actions: tuple[Name, ...] = Field(default=(), description="what the caller should do; passed on unchanged")

    @property
    def used_scores(self) -> tuple[str, ...]:
        """All that it looks at, as 'signal' or 'signal.score'."""
        return (self.signal, *self.unless, *self.soften, *(one.signal for one in self.confirm))

    @model_validator(mode="after")
    def _check_thresholds(self) -> Self:
        given = [one for one in (self.allow, self.review, self.block) if one is not None]
        if not given:
            raise ValueError("give at least one threshold: allow, review or block")
        if given != sorted(given):
            raise ValueError("thresholds must rise from allow over review to block")
        if (self.confirm or self.soften) and self.block is None:
            raise ValueError("'confirm' and 'soften' make sense only beside 'block'")
        return self


_RULES = TypeAdapter(dict[Name, Rule])


class Policy(PolicyModel):
    """A whole policy. `sha256` is that of the file that it was read from."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    name: Name
    version: Annotated[str, Field(min_length=1)]
    on_error: Verdict = Field(default="review", description="the verdict when a signal of some rule failed")
    rules: dict[Name, Rule] = Field(min_length=1)
    tenants: dict[Name, "TenantPolicy"] = Field(default_factory=dict)
    text: dict[Name, TextRules] = Field(default_factory=dict, description="words and patterns by category")
    disguises: Disguises = Field(default=Disguises(), description="what words of `text` are looked for behind")
    sha256: str = ""

    @model_validator(mode="after")
    def _check_tenants(self) -> Self:
        """Raises ValueError for a tenant whose merged rules are invalid."""
        _ = self.tenant_rules
        return self

    @cached_property
    def tenant_rules(self) -> dict[str, dict[str, Rule]]:
        """Each tenant's rules by name, with its changes applied."""
        return {name: _merge_rules(self.rules, name, tenant.rules) for name, tenant in self.tenants.items()}

    @cached_property
    def used_scores(self) -> frozenset[str]:
        """All that some rule of some tenant looks at, as 'signal' or 'signal.score'."""
        several = (self.rules, *self.tenant_rules.values())
        return frozenset(name for rules in several for rule in rules.values() for name in rule.used_scores)

    @cached_property
    def text_signal(self) -> TextSignal:
        return TextSignal(self.text, self.disguises)

    def rules_for(self, tenant: str | None) -> dict[str, Rule]:
        """The rules by name; raises RequestRejected for a tenant that the policy does not have.

        A typo in the name must not apply other rules than were meant.
        """
        if tenant is None:
            return self.rules
        if tenant not in self.tenants:
            known = ", ".join(self.tenants) or "none"
            raise RequestRejected(f"the policy {self.name!r} has no tenant {tenant!r}; it has: {known}")
        return self.tenant_rules[tenant]

    def on_error_for(self, tenant: str | None) -> Verdict:
        own = self.tenants[tenant].on_error if tenant in self.tenants else None
        return own or self.on_error


class TenantPolicy(PolicyModel):
    """The changes for one customer: parts of rules, whole new rules, or null for a rule that is off."""

    on_error: Verdict | None = None
    rules: dict[Name, dict[str, Any] | None] = Field(default_factory=dict)


def _merge_rules(
    rules: Mapping[str, Rule], tenant: str, changes: Mapping[str, dict[str, Any] | None]
) -> dict[str, Rule]:
    merged = {name: rule.model_dump(exclude_unset=True) for name, rule in rules.items()}
    for name, change in changes.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merged.get(name, {}) | change
    try:
        return _RULES.validate_python(merged)
    except ValidationError as cause:
        raise ValueError(f"tenant {tenant!r}: {describe_errors(cause)}") from cause


def describe_errors(cause: ValidationError) -> str:
    errors = ((".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")) for one in cause.errors())
    return "; ".join(f"{path}: {message}" if path else message for path, message in errors)
