"""Builds results of signals and policies for tests, in one line each."""

from typing import Any

from pipelines.moderation.policy import Policy
from pipelines.moderation.types import SignalResult


def signal_result(score: float = 0.0, **scores: float) -> SignalResult:
    result = SignalResult.of(scores or {"whole": score}, [], detector="fake", version="1")
    return result.model_copy(update={"score": score}) if score else result


def failed_result() -> SignalResult:
    return SignalResult.failed("the session is gone", detector="fake")


def make_policy(on_error: str = "review", **rules: dict[str, Any]) -> Policy:
    given = {name: {"category": name, **rule} for name, rule in rules.items()}
    return Policy.model_validate({"name": "test", "version": 1, "on_error": on_error, "rules": given})
