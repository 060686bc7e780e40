"""Takes feedback in, and knows what it comes to: all processes that share a journal count what any of them was told."""

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
from service.monitoring.audit.factory import DAY_SECONDS, OFF, Journals, open_journals
from service.monitoring.audit.log import START, Journal, Line, beginning
from service.monitoring.audit.observer import Audit
from service.monitoring.audit.record import Record
from service.monitoring.feedback.labels import Known, labels_of
from service.monitoring.feedback.metrics import FeedbackMetrics
from service.monitoring.feedback.types import (
    Dispute,
    DisputePage,
    FeedbackReply,
    FeedbackRequest,
    Judgement,
    PipelineSummary,
    Summary,
)
from service.monitoring.feedback.window import Window

KeptT = TypeVar("KeptT", bound=BaseModel)

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0  # how old the gauges may be where another process was told

_PAGE_LINES = 1_000
_SEARCH_LINES = 10_000


class Desk:
    def __init__(
        self,
        audit: Audit,
        journals: Journals,
        known: Callable[[], Awaitable[Known]],
        registry: CollectorRegistry,
        *,
        window: int,
        days: int,
    ) -> None:
        self._audit, self._journals, self._known = audit, journals, known
        self._most, self._days = window, days
        self._windows: dict[str, Window] = {}
        self._cursor = START
        self._one_at_a_time = asyncio.Lock()
        self._metrics = FeedbackMetrics(self.now, registry)

    async def submit(self, request: FeedbackRequest) -> FeedbackReply:
        """Raises ResultUnknown, RequestRejected, or what the journals raise."""
        record = await self._audit.find(request.result_id)
        pipeline = _pipeline(record, request.pipeline)
        said, expected = labels_of(record, pipeline, request.verdict, request.expected, await self._known())
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
            await self._journals.disputed.append([_line(judgement.at, dispute)])
        await self._journals.feedback.append([_line(judgement.at, judgement)])
        self._metrics.given(pipeline, request.verdict)
        await self._refresh()
        return FeedbackReply(**dict(judgement), replaced=earlier is not None)

    async def summary(self) -> Summary:
        """Raises what the journals raise."""
        await self._refresh()
        return Summary(window=self._most, days=self._days, pipelines=dict(self.now()))

    async def disputed(self, after: str, limit: int) -> DisputePage:
        """Cases that were settled since are left out. Raises RequestRejected or what the journals raise."""
        await self._refresh()
        lines, cursor = await self._journals.disputed.read(after, limit)
        cases = [one for line in lines if (one := _read(Dispute, line)) is not None and self._stands(one)]
        return DisputePage(data=cases, next=cursor)

    def now(self) -> Mapping[str, PipelineSummary]:
        """As of the last look at the journal."""
        return {name: window.summary() for name, window in sorted(self._windows.items())}

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Keep up with the journal until the end of the block."""
        task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _look(self) -> None:
        while True:
            try:
                await self._refresh()
            except KernelSightError as error:
                log.error("feedback cannot be read: %s", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def _refresh(self) -> None:
        async with self._one_at_a_time:
            while True:
                lines, self._cursor = await self._journals.feedback.read(self._cursor, _PAGE_LINES)
                for line in lines:
                    if (one := _read(Judgement, line)) is not None:
                        self._window(one.pipeline).add(one)
                if len(lines) < _PAGE_LINES:
                    break
        for window in self._windows.values():
            window.forget(time.time() - self._days * DAY_SECONDS)

    def _window(self, pipeline: str) -> Window:
        return self._windows.setdefault(pipeline, Window(self._most))

    def _stands(self, case: Dispute) -> bool:
        """Nothing else was said of the result since, as far as the window knows."""
        latest = self._window(case.pipeline).get(case.result_id)
        return latest is None or latest.at == case.at


def _pipeline(record: Record, asked: str | None) -> str:
    """Raises RequestRejected."""
    there = ", ".join(record.pipelines)
    if asked is None:
        if len(record.pipelines) != 1:
            raise RequestRejected(f"pipeline: which one? The result has: {there}")
        return record.pipelines[0]
    if asked not in record.pipelines:
        raise RequestRejected(f"pipeline: the result has no {asked!r}; it has: {there}")
    return asked


def _line(at: float, kept: BaseModel) -> Line:
    return Line(at, kept.model_dump_json().encode())


def _read(kind: type[KeptT], line: bytes) -> KeptT | None:
    """None for what a crash left of a line."""
    try:
        return kind.model_validate_json(line)
    except ValidationError:
        return None


async def given_on(journal: Journal, result_id: str) -> list[Judgement]:
    """Oldest first; the last one of each pipeline counts. Raises what the journal raises."""
    found: list[Judgement] = []
    cursor, more = START, True
    while more:
        lines, cursor = await journal.read(cursor, _SEARCH_LINES)
        found += [Judgement.model_validate_json(line) for line in lines if line.startswith(beginning(result_id))]
        more = len(lines) == _SEARCH_LINES
    return found


@asynccontextmanager
async def open_desk(components: Components) -> AsyncIterator[Desk | None]:
    """From here on every result is recorded. None where the audit log is off; raises as `open_journals` does."""
    settings = components.settings
    if settings.audit == OFF:
        yield None
        return
    async with open_journals(settings) as journals:
        audit = Audit(journals.audit, components.metrics.registry)
        components.engine.add_observer(audit.seen)
        components.texts.add_observer(audit.judged)

        async def known() -> Known:
            return await known_of(components)

        desk = Desk(
            audit, journals, known, components.metrics.registry,
            window=settings.feedback_window, days=settings.audit_days,
        )  # fmt: skip
        async with audit.writing(drain_seconds=settings.drain_seconds), journals.pruned(), desk.looking():
            yield desk


async def known_of(components: Components) -> Known:
    policy, labels = await components.policy.current(), components.encoder.labels
    rules = (policy.rules, *policy.tenant_rules.values())
    return Known(
        categories={rule.category for some in rules for rule in some.values()},
        groups=set(labels.groups),
        group_of={label.name: label.group for label in labels.labels},
    )
