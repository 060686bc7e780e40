"""The output row of an item, as JSON and as Parquet."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import KernelSightError
from pipelines.findings import Findings
from pipelines.moderation.policy import Policy
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import FiredRule, Verdict
from pipelines.types import ModelUsed, WireModel
from service.bulk.items import BulkItem, escape_name


class RowError(WireModel):
    """Why an item has no verdict; docs/errors.md and docs/batch.md list the codes."""

    code: str
    detail: str


class ModerationRow(WireModel):
    """Either `verdict` or `error` is set. `sha256` is that of the file, None if it could not be read.

    `scores` are by "signal.thing", as rules name them, `categories` by OpenAI category. `failed_signals` maps each
    signal that failed to the reason; the policy's `on_error` decided what that means.
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
    error: RowError | None
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
class RowBuilder:
    """Builds the rows of one run, all under one policy and with the same models."""

    policy: Policy
    models: list[ModelUsed]

    def build_row(self, item: BulkItem, findings: Findings, seconds: float) -> ModerationRow:
        found = findings.of(MODERATION)
        assert found is not None
        return ModerationRow.model_construct(
            **self._common_fields(item, seconds),
            sha256=findings.image.sha256,
            verdict=found.verdict,
            severity=found.severity,
            rules=found.rules,
            scores={
                f"{signal}.{thing}": score
                for signal, result in found.signals.items()
                for thing, score in result.scores.items()
            },
            categories={name: one.score for name, one in found.categories.items()},
            failed_signals={name: one.error for name, one in found.signals.items() if one.error is not None},
            error=None,
        )

    def build_error_row(
        self, item: BulkItem, error: KernelSightError, data: bytes | None, seconds: float
    ) -> ModerationRow:
        return ModerationRow.model_construct(
            **self._common_fields(item, seconds),
            sha256=None if data is None else hashlib.sha256(data).hexdigest(),
            verdict=None,
            severity=None,
            rules=[],
            scores={},
            categories={},
            failed_signals={},
            error=RowError(code=error.code, detail=escape_name(str(error))),
        )

    def _common_fields(self, item: BulkItem, seconds: float) -> dict[str, Any]:
        return {
            "id": escape_name(item.id),
            "source": escape_name(item.source),
            "policy": self.policy.name,
            "policy_version": self.policy.version,
            "policy_sha256": self.policy.sha256,
            "models": self.models,
            "seconds": round(seconds, 4),
        }


def parquet_schema(arrow: Any) -> Any:
    """The Parquet schema of a row; `arrow` is pyarrow."""
    text, number, whole = arrow.string(), arrow.float64(), arrow.int32()
    rule = {
        "rule": text, "category": text, "signal": text, "score": number, "threshold": number, "verdict": text,
        "severity": whole, "actions": arrow.list_(text),
    }  # fmt: skip
    model = {"id": text, "version": whole, "sha256": text, "backend": text, "precision": text}
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


MAP_COLUMNS = ("scores", "categories", "failed_signals")


def to_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row from JSON, in the form that `parquet_schema` takes."""
    return {**row, **{name: list(row[name].items()) for name in MAP_COLUMNS}}


def from_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `to_columns`."""
    return {**row, **{name: dict(row[name]) for name in MAP_COLUMNS}}
