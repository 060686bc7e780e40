"""The policy: which scores mean what. One YAML file, validated when it is read; nothing about it is code.

readings of all signals ─► rules of the tenant ─► fired rules ─► the strictest of their verdicts
"""

import hashlib
import tomllib
from collections.abc import Container, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from models.errors import KernelSightError
from pipelines.errors import RequestRejected
from pipelines.moderation.signals.objects import MAPPING
from pipelines.moderation.text_rules import TextRules, TextSignal
from pipelines.moderation.types import Verdict

BUILT_IN = Path(__file__).with_name("policy.yaml")

SignalName = Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[A-Za-z0-9][\w./-]*)?$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w./-]*$")]
Score = Annotated[float, Field(ge=0, le=1)]

# The categories of OpenAI's moderation endpoint, in the order of its documentation.
OpenAICategory = Literal[
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
]  # fmt: skip


class PolicyInvalid(KernelSightError):
    code = "policy-invalid"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Confirmation(Part):
    """A second score that must be reached as well before a rule blocks; otherwise it asks for review."""

    signal: SignalName
    at: Score


class Rule(Part):
    """Fires when its signal reaches one of its thresholds; the strictest one that is reached is its verdict."""

    signal: SignalName = Field(description="a signal, or one of its scores: 'nsfw', 'objects.weapon'")
    category: Name = Field(description="what people call it; free")
    openai: OpenAICategory | None = Field(default=None, description="the OpenAI category that it answers for")
    severity: int = Field(default=3, ge=0, le=6, description="0 harmless to 6 worst")
    allow: Score | None = Field(default=None, description="from here on it is noted and its actions are given")
    review: Score | None = None
    block: Score | None = None
    confirm: Confirmation | None = None
    unless: tuple[SignalName, ...] = Field(default=(), description="does not fire when one of these is at .5 or more")
    soften: tuple[SignalName, ...] = Field(default=(), description="reviews, not blocks, when one of these is")
    actions: tuple[Name, ...] = Field(default=(), description="what the caller should do; handed out as they are")

    @model_validator(mode="after")
    def _thresholds_rise(self) -> Self:
        given = [one for one in (self.allow, self.review, self.block) if one is not None]
        if not given:
            raise ValueError("give at least one threshold: allow, review or block")
        if given != sorted(given):
            raise ValueError("thresholds must rise from allow over review to block")
        if (self.confirm or self.soften) and self.block is None:
            raise ValueError("'confirm' and 'soften' make sense only beside 'block'")
        return self


_RULES = TypeAdapter(dict[Name, Rule])


class Policy(Part):
    """What is decided on. `sha256` is that of the file that it was read from."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    name: Name
    version: Annotated[str, Field(min_length=1)]
    on_error: Verdict = Field(default="review", description="the verdict when a signal of some rule could not judge")
    rules: dict[Name, Rule] = Field(min_length=1)
    tenants: dict[Name, "Tenant"] = Field(default_factory=dict)
    text: dict[Name, TextRules] = Field(default_factory=dict, description="what the signal 'text' looks for")
    sha256: str = ""

    @model_validator(mode="after")
    def _tenants_hold(self) -> Self:
        """Raises ValueError for a tenant whose merged rules are none."""
        _ = self.tenant_rules
        return self

    @cached_property
    def tenant_rules(self) -> dict[str, dict[str, Rule]]:
        """Each tenant's rules by name, with its changes made."""
        return {name: _merged(self.rules, name, tenant.rules) for name, tenant in self.tenants.items()}

    @cached_property
    def text_signal(self) -> TextSignal:
        return TextSignal(self.text)

    def rules_for(self, tenant: str | None) -> dict[str, Rule]:
        """The rules by name; raises RequestRejected for a tenant that the policy does not have.

        A typo must not be judged by other rules than were meant.
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


class Tenant(Part):
    """What is different for one customer: parts of rules, whole new rules, or null for a rule that is off."""

    on_error: Verdict | None = None
    rules: dict[Name, dict[str, Any] | None] = Field(default_factory=dict)


def _check_names(policy: Policy) -> None:
    """Raises ValueError for a rule of a score that does not exist: a typo would switch the rule off in silence.

    Trained categories come and go, so any name of one will do.
    """
    known: dict[str, Container[str] | None] = {
        "nsfw": ("whole", "tiles"),
        "objects": tomllib.loads(MAPPING.read_text("utf-8")),
        "known": ("block", "allow"),
        "codes": ("present", "url", "denied", "unlisted"),
        "file": ("polyglot", "trailing", "metadata", "gps", "bomb"),
        "text": policy.text,
        "custom": None,
    }
    for rules in (policy.rules, *policy.tenant_rules.values()):
        for name, rule in rules.items():
            for used in (rule.signal, *rule.unless, *rule.soften, *([rule.confirm.signal] if rule.confirm else [])):
                signal, _, thing = used.partition(".")
                if signal not in known:
                    raise ValueError(f"rules.{name}: no signal {signal!r}; there are: {', '.join(known)}")
                things = known[signal]
                if thing and things is not None and thing not in things:
                    raise ValueError(f"rules.{name}: the signal {signal!r} has no score {thing!r}")


def _merged(rules: Mapping[str, Rule], tenant: str, changes: Mapping[str, dict[str, Any] | None]) -> dict[str, Rule]:
    merged = {name: rule.model_dump(exclude_unset=True) for name, rule in rules.items()}
    for name, change in changes.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = merged.get(name, {}) | change
    try:
        return _RULES.validate_python(merged)
    except ValidationError as cause:
        raise ValueError(f"tenant {tenant!r}: {_wrong(cause)}") from cause


class _StrictLoader(yaml.SafeLoader):
    """A key that stands twice would silently hide a rule."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def load_policy(path: Path = BUILT_IN) -> Policy:
    """Read and validate a policy; raises PolicyInvalid, which names the file and everything that is wrong in it."""
    try:
        text = path.read_bytes()
        values = yaml.load(text, _StrictLoader)
        if not isinstance(values, Mapping):
            raise ValueError("this is no mapping with 'name', 'version' and 'rules'")
        policy = Policy.model_validate({**values, "sha256": hashlib.sha256(text).hexdigest()})
        _check_names(policy)
    except OSError as cause:
        raise PolicyInvalid(f"policy {str(path)!r}: {cause.strerror or cause}") from cause
    except ValidationError as cause:
        raise PolicyInvalid(f"policy {str(path)!r}: {_wrong(cause)}") from cause
    except (yaml.YAMLError, ValueError) as cause:
        raise PolicyInvalid(f"policy {str(path)!r}: {' '.join(str(cause).split())}") from cause
    return policy


def _wrong(cause: ValidationError) -> str:
    errors = ((".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")) for one in cause.errors())
    return "; ".join(f"{place}: {what}" if place else what for place, what in errors)
