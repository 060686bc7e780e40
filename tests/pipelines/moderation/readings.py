"""Readings and policies for tests, in a line each."""

from typing import Any

from pipelines.moderation.policy import Policy
from pipelines.moderation.types import SignalResult


def reading(score: float = 0.0, **scores: float) -> SignalResult:
    made = SignalResult.of(scores or {"whole": score}, [], detector="fake", version="1")
    return made.model_copy(update={"score": score}) if score else made


def failed() -> SignalResult:
    return SignalResult.failed("the session is gone", detector="fake")


def policy(on_error: str = "review", **rules: dict[str, Any]) -> Policy:
    given = {name: {"category": name, **rule} for name, rule in rules.items()}
    return Policy.model_validate({"name": "test", "version": 1, "on_error": on_error, "rules": given})
