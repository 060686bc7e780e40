"""Accepts feedback and aggregates it: all processes that share an event log count the feedback that any of them got."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ValidationError

from models.errors import KernelSightError
from pipelines.errors import RequestRejected
from service.components import Components
from service.keys.caller import Caller
from service.monitoring.audit.factory import DAY_SECONDS, OFF, EventLogs, open_event_logs
from service.monitoring.audit.log import START, EventLog, LogLine, record_prefix
from service.monitoring.audit.observer import AuditObserver
from service.monitoring.audit.record import AuditRecord
from service.monitoring.errors import ResultUnknown
from service.monitoring.feedback.labels import NONE, KnownLabels, derive_labels
from service.monitoring.feedback.metrics import FeedbackMetrics
from service.monitoring.feedback.types import (
    Dispute,
    DisputePage,
    FeedbackReply,
    FeedbackRequest,
    FeedbackSummary,
    Judgement,
    PipelineFeedback,
)
from service.monitoring.feedback.window import JudgementWindow

RecordedT = TypeVar("RecordedT", bound=BaseModel)

log = logging.getLogger(__name__)

REFRESH_SECONDS = 15.0  # how old the gauges may be when another process got the feedback

_PAGE_LINES = 1_000
_SEARCH_LINES = 10_000


class FeedbackAggregator:
    def __init__(
        self,
        audit: AuditObserver,
        event_logs: EventLogs,
        read_labels: Callable[[], Awaitable[KnownLabels]],
        registry: CollectorRegistry,
        *,
        window: int,
        days: int,
    ) -> None:
        self._audit, self._event_logs, self._read_labels = audit, event_logs, read_labels
        self._window_size, self._days = window, days
        self._windows: dict[str, JudgementWindow] = {}
        self._cursor = START
        self._refresh_lock = asyncio.Lock()
        self._metrics = FeedbackMetrics(self.summaries, registry)

    async def submit(self, request: FeedbackRequest, caller: Caller) -> FeedbackReply:
        """Raises ResultUnknown (also for another tenant's result), RequestRejected, or what the event logs raise."""
        record = await self._audit.find(request.result_id)
        if not caller.may_see(record.tenant):
            raise ResultUnknown(request.result_id)
        pipeline = _choose_pipeline(record, request.pipeline)
        said, expected = derive_labels(record, pipeline, request.verdict, request.expected, await self._read_labels())
        await self._refresh()
        earlier = self._window(pipeline).get(record.result_id)
        judgement = Judgement(
            result_id=record.result_id, pipeline=pipeline, at=time.time(), verdict=request.verdict, said=said,
            expected=expected,
        )  # fmt: skip
        if request.verdict == "wrong":
            dispute = Dispute(
                **dict(judgement) | {"expected": request.expected}, comment=request.comment, record=record
            )
            await self._event_logs.disputed.append([_to_line(judgement.at, dispute)])
        await self._event_logs.feedback.append([_to_line(judgement.at, judgement)])
        self._metrics.count(pipeline, request.verdict)
        await self._refresh()
        return FeedbackReply(**dict(judgement), replaced=earlier is not None)

    async def summary(self) -> FeedbackSummary:
        """Raises what the event logs raise."""
        await self._refresh()
        return FeedbackSummary(window=self._window_size, days=self._days, pipelines=dict(self.summaries()))

    async def disputed(self, viewer: Caller, after: str, limit: int) -> DisputePage:
        """Leaves out cases that were settled since, and those of other tenants.

        Raises RequestRejected, or what the event logs raise.
        """
        await self._refresh()
        lines, cursor = await self._event_logs.disputed.read(after, limit)
        cases = [one for line in lines if (one := _parse(Dispute, line)) is not None and self._is_latest(one)]
        return DisputePage(data=[one for one in cases if viewer.may_see(one.record.tenant)], next=cursor)

    def summaries(self) -> Mapping[str, PipelineFeedback]:
        """By pipeline, as of the last refresh from the event log."""
        return {name: window.summary() for name, window in sorted(self._windows.items())}

    @asynccontextmanager
    async def follow_log(self) -> AsyncIterator[None]:
        """Read feedback of other processes every few seconds, until the end of the block."""
        task = asyncio.create_task(self._refresh_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _refresh_forever(self) -> None:
        while True:
            try:
                await self._refresh()
            except KernelSightError as error:
                log.error("feedback cannot be read: %s", error)
            await asyncio.sleep(REFRESH_SECONDS)

    async def _refresh(self) -> None:
        async with self._refresh_lock:
            while True:
                lines, self._cursor = await self._event_logs.feedback.read(self._cursor, _PAGE_LINES)
                for line in lines:
                    if (one := _parse(Judgement, line)) is not None:
                        self._window(one.pipeline).add(one)
                if len(lines) < _PAGE_LINES:
                    break
        for window in self._windows.values():
            window.drop_before(time.time() - self._days * DAY_SECONDS)

    def _window(self, pipeline: str) -> JudgementWindow:
        return self._windows.setdefault(pipeline, JudgementWindow(self._window_size))

    def _is_latest(self, case: Dispute) -> bool:
        """Whether no later judgement of the result is in the window."""
        latest = self._window(case.pipeline).get(case.result_id)
        return latest is None or latest.at == case.at


def _choose_pipeline(record: AuditRecord, requested: str | None) -> str:
    """Raises RequestRejected."""
    available = ", ".join(record.pipelines)
    if requested is None:
        if len(record.pipelines) != 1:
            raise RequestRejected(f"pipeline: which one? The result has: {available}")
        return record.pipelines[0]
    if requested not in record.pipelines:
        raise RequestRejected(f"pipeline: the result has no {requested!r}; it has: {available}")
    return requested


def _to_line(at: float, value: BaseModel) -> LogLine:
    return LogLine(at, value.model_dump_json().encode())


def _parse(kind: type[RecordedT], line: bytes) -> RecordedT | None:
    """None for a line that a crash left incomplete."""
    try:
        return kind.model_validate_json(line)
    except ValidationError:
        return None


async def find_judgements(event_log: EventLog, result_id: str) -> list[Judgement]:
    """Oldest first; the last one of each pipeline counts. Raises what the event log raises."""
    found: list[Judgement] = []
    cursor, more = START, True
    while more:
        lines, cursor = await event_log.read(cursor, _SEARCH_LINES)
        found += [Judgement.model_validate_json(line) for line in lines if line.startswith(record_prefix(result_id))]
        more = len(lines) == _SEARCH_LINES
    return found


@asynccontextmanager
async def open_feedback(components: Components) -> AsyncIterator[FeedbackAggregator | None]:
    """Record every result from now on, and accept feedback on them.

    Yields None where the audit log is off; raises what `open_event_logs` raises.
    """
    settings = components.settings
    if settings.monitoring.audit == OFF:
        yield None
        return
    async with open_event_logs(settings) as event_logs:
        audit = AuditObserver(event_logs.audit, components.metrics.registry)
        components.engine.add_observer(audit.observe)
        components.texts.add_observer(audit.observe_text)

        async def read_labels() -> KnownLabels:
            return await read_known_labels(components)

        feedback = FeedbackAggregator(
            audit, event_logs, read_labels, components.metrics.registry,
            window=settings.monitoring.feedback_window, days=settings.monitoring.audit_days,
        )  # fmt: skip
        async with (
            audit.run(drain_seconds=settings.limits.drain_seconds),
            event_logs.prune_periodically(),
            feedback.follow_log(),
        ):
            yield feedback


async def read_known_labels(components: Components) -> KnownLabels:
    policy, labels = await components.policy.current(), components.encoder.labels
    rules = (policy.rules, *policy.tenant_rules.values())
    own = components.zero_shot
    own_groups = {label.name: label.group or NONE for label in own.labels} if own else {}
    return KnownLabels(
        categories={rule.category for rule_set in rules for rule in rule_set.values()},
        groups={*labels.groups, *own_groups.values()},
        group_of={label.name: label.group for label in labels.labels} | own_groups,
    )
