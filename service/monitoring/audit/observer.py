"""Records every result of the engine in the audit log, and looks records up there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import get_args

from prometheus_client import CollectorRegistry, Counter
from pydantic import ValidationError

from pipelines.findings import Observation
from pipelines.moderation.text_pipeline import ModeratedText
from service.monitoring.audit.log import EventLog
from service.monitoring.audit.record import AuditRecord
from service.monitoring.audit.record_builder import RecordDraft
from service.monitoring.audit.writer import RecordWriter, WriteOutcome
from service.monitoring.errors import AuditUnavailable, ResultUnknown
from service.telemetry.request_context import current_request


class AuditObserver:
    def __init__(self, event_log: EventLog, registry: CollectorRegistry) -> None:
        self._records = Counter(
            "kernelsight_audit_records",
            "Audit records, by whether they were written or dropped.",
            ["outcome"],
            registry=registry,
        )
        for outcome in get_args(WriteOutcome):  # an alert sees the first drop only as a step from zero
            self._records.labels(outcome)
        self._event_log, self._writer = event_log, RecordWriter(event_log, self._count)

    def observe(self, observation: Observation) -> None:
        """An observer of the engine."""
        self._writer.put(RecordDraft.from_observation(observation, current_request()))

    def observe_text(self, text: ModeratedText) -> None:
        """An observer of texts."""
        self._writer.put(RecordDraft.from_text(text, current_request()))

    async def find(self, result_id: str) -> AuditRecord:
        """Raises ResultUnknown, or what the event log raises."""
        await self._writer.flush()  # a client may ask about an answer before its record is written
        return await find_record(self._event_log, result_id)

    @asynccontextmanager
    async def run(self, *, drain_seconds: float) -> AsyncIterator[None]:
        """Write records until the end of the block."""
        async with self._writer.run(drain_seconds=drain_seconds):
            yield

    def _count(self, outcome: WriteOutcome, number: int) -> None:
        self._records.labels(outcome).inc(number)


async def find_record(event_log: EventLog, result_id: str) -> AuditRecord:
    """Raises ResultUnknown, AuditUnavailable for a damaged record, or what the event log raises."""
    line = await event_log.find(result_id)
    if line is None:
        raise ResultUnknown(result_id)
    try:
        return AuditRecord.model_validate_json(line)
    except ValidationError as cause:
        raise AuditUnavailable(f"the record of {result_id} is damaged") from cause
