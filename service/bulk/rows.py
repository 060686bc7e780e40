"""The row that each item gets, and what it takes to write it as Parquet."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import KernelSightError
from pipelines.findings import Findings
from pipelines.moderation.policy import Policy
from pipelines.moderation.types import FiredRule, Verdict
from pipelines.types import ModelUsed, Wire
from service.bulk.items import Item, as_text


class Failure(Wire):
    """Why an item was not judged; docs/errors.md and docs/batch.md list the codes."""

    code: str
    detail: str


class Row(Wire):
    """`sha256` is that of the file; None: it could not be read. Without `error` there is a verdict, and the reverse.

    `scores` are by "signal.thing", as rules name them, `categories` by OpenAI category. `failed_signals` say why
    they could not judge; the policy's `on_error` decided what that means.
    """

    id: str
    source: str
    sha256: str | None
    verdict: Verdict | None
    severity: int | None
    rules: list[FiredRule]
    scores: dict[str, float]
    categories: dict[str, float]
    failed_signals: dict[str, str]
    error: Failure | None
    policy: str
    policy_version: str
    policy_sha256: str
    models: list[ModelUsed]
    seconds: float

    @property
    def line(self) -> bytes:
        """As JSON, without a line break in it or at its end."""
        return self.model_dump_json().encode()


@dataclass(frozen=True)
class RowMaker:
    """Makes rows of one batch: all under one policy and by the same models."""

    policy: Policy
    models: list[ModelUsed]

    def judged(self, item: Item, findings: Findings, seconds: float) -> Row:
        found = findings.moderation
        assert found is not None
        return Row.model_construct(
            **self._common(item, seconds),
            sha256=findings.image.sha256,
            verdict=found.verdict,
            severity=found.severity,
            rules=found.rules,
            scores={
                f"{signal}.{thing}": score
                for signal, reading in found.signals.items()
                for thing, score in reading.scores.items()
            },
            categories={name: one.score for name, one in found.categories.items()},
            failed_signals={name: one.error for name, one in found.signals.items() if one.error is not None},
            error=None,
        )

    def failed(self, item: Item, error: KernelSightError, data: bytes | None, seconds: float) -> Row:
        return Row.model_construct(
            **self._common(item, seconds),
            sha256=None if data is None else hashlib.sha256(data).hexdigest(),
            verdict=None,
            severity=None,
            rules=[],
            scores={},
            categories={},
            failed_signals={},
            error=Failure(code=error.code, detail=as_text(str(error))),
        )

    def _common(self, item: Item, seconds: float) -> dict[str, Any]:
        return {
            "id": as_text(item.id),
            "source": as_text(item.source),
            "policy": self.policy.name,
            "policy_version": self.policy.version,
            "policy_sha256": self.policy.sha256,
            "models": self.models,
            "seconds": round(seconds, 4),
        }


def schema(arrow: Any) -> Any:
    """A row's columns as Parquet has them; `arrow` is pyarrow."""
    text, number, whole = arrow.string(), arrow.float64(), arrow.int32()
    rule = {
        "rule": text, "category": text, "signal": text, "score": number, "threshold": number, "verdict": text,
        "severity": whole, "actions": arrow.list_(text),
    }  # fmt: skip
    model = {"id": text, "version": whole, "sha256": text}
    return arrow.schema(
        {
            "id": text, "source": text, "sha256": text, "verdict": text, "severity": whole,
            "rules": arrow.list_(arrow.struct(rule)),
            "scores": arrow.map_(text, number),
            "categories": arrow.map_(text, number),
            "failed_signals": arrow.map_(text, text),
            "error": arrow.struct({"code": text, "detail": text}),
            "policy": text, "policy_version": text, "policy_sha256": text,
            "models": arrow.list_(arrow.struct(model)),
            "seconds": number,
        }
    )  # fmt: skip


MAPS = ("scores", "categories", "failed_signals")


def to_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON has it, for `schema`."""
    return {**row, **{name: list(row[name].items()) for name in MAPS}}


def of_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `to_columns`."""
    return {**row, **{name: dict(row[name]) for name in MAPS}}
