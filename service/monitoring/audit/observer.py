"""Watches the engine: every result has its record in the audit log, and can be looked up there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

from prometheus_client import CollectorRegistry, Counter
from pydantic import ValidationError

from pipelines.findings import Observation
from pipelines.moderation.text_pipeline import JudgedText
from service.monitoring.audit.log import Journal
from service.monitoring.audit.record import Record
from service.monitoring.audit.record_builder import Draft
from service.monitoring.audit.writer import Outcome, Writer
from service.monitoring.errors import AuditUnavailable, ResultUnknown
from service.telemetry.request_context import current


class Audit:
    def __init__(self, journal: Journal, registry: CollectorRegistry) -> None:
        self._records = Counter(
            "kernelsight_audit_records", "Records of results, by what became of them.", ["outcome"], registry=registry
        )
        for outcome in get_args(Outcome):  # an alert sees the first drop only as a step from nought
            self._records.labels(outcome)
        self._journal, self._writer = journal, Writer(journal, self._count)

    def seen(self, seen: Observation) -> None:
        """The engine's observer."""
        self._writer.put(Draft.of(seen, current()))

    def judged(self, text: JudgedText) -> None:
        """The observer of texts."""
        self._writer.put(Draft.of_text(text, current()))

    async def find(self, result_id: str) -> Record:
        """Raises ResultUnknown, or what the journal raises."""
        await self._writer.flush()  # an answer may be asked about before its record is written
        return await find(self._journal, result_id)

    @asynccontextmanager
    async def writing(self, *, drain_seconds: float) -> AsyncIterator[None]:
        async with self._writer.running(drain_seconds=drain_seconds):
            yield

    def _count(self, outcome: Outcome, number: int) -> None:
        self._records.labels(outcome).inc(number)


async def find(journal: Journal, result_id: str) -> Record:
    """Raises ResultUnknown, or what the journal raises."""
    line = await journal.find(result_id)
    if line is None:
        raise ResultUnknown(result_id)
    try:
        return Record.model_validate_json(line)
    except ValidationError as cause:
        raise AuditUnavailable(f"the record of {result_id} is damaged") from cause
