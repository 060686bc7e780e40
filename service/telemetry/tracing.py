"""What a request does, as spans of a trace: each a stretch of time with a name, inside of another.

SERVER ─► operation ─► engine.run ─► its stages          a request that is answered at once
SERVER ─► PRODUCER ─► CONSUMER ─► operation ─► …         one that is answered by a worker, in the same trace
                              └─► PRODUCER ─► CONSUMER ─► CLIENT    and its callback

Where nothing is recorded, spans only hand on the headers that came in. What records them is otel.py.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter, time_ns
from typing import Literal, Protocol

from models.errors import KernelSightError
from pipelines.findings import Observation
from pipelines.run_context import StageTiming
from service.settings import Settings
from service.telemetry.spans import NO_ATTRIBUTES, SpanAttributes, SpanKindName

log = logging.getLogger(__name__)

MAX_STAGES = 128  # that are drawn of one request: a long document has thousands


class Span(Protocol):
    """`headers` are W3C Trace Context: with them others go on below this span."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def is_recording(self) -> bool: ...

    def start_child(self, name: str, kind: SpanKindName = "internal", attributes: SpanAttributes = NO_ATTRIBUTES) -> "Span": ...

    def add_finished_child(self, name: str, started: int, ended: int, attributes: SpanAttributes = NO_ATTRIBUTES) -> "Span":
        """A span below this one that is over already. Times are of `time.time_ns`."""

    def rename(self, name: str, attributes: SpanAttributes = NO_ATTRIBUTES) -> None:
        """What was not known when it began."""

    def set(self, attributes: SpanAttributes) -> None: ...

    def fail(self, error: str) -> None:
        """`error` is a problem's code or an error's class: messages may have words of clients in them."""

    def end(self) -> None: ...


class Tracing(Protocol):
    def begin(self, name: str, kind: SpanKindName, headers: Mapping[str, str], attributes: SpanAttributes = NO_ATTRIBUTES) -> Span:
        """A span below the one of another process that `headers` name, or the first one of a trace."""

    def close(self) -> None:
        """Hand over what is left; takes a few seconds at most."""


@dataclass(frozen=True, slots=True)
class NoopSpan:
    headers: Mapping[str, str] = field(default_factory=dict)
    is_recording: bool = False

    def start_child(self, name: str, kind: SpanKindName = "internal", attributes: SpanAttributes = NO_ATTRIBUTES) -> "NoopSpan":
        return self

    def add_finished_child(self, name: str, started: int, ended: int, attributes: SpanAttributes = NO_ATTRIBUTES) -> "NoopSpan":
        return self

    def rename(self, name: str, attributes: SpanAttributes = NO_ATTRIBUTES) -> None:
        pass

    def set(self, attributes: SpanAttributes) -> None:
        pass

    def fail(self, error: str) -> None:
        pass

    def end(self) -> None:
        pass


class NoopTracing:
    def begin(self, name: str, kind: SpanKindName, headers: Mapping[str, str], attributes: SpanAttributes = NO_ATTRIBUTES) -> Span:
        return NoopSpan(headers)

    def close(self) -> None:
        pass


def open_tracing(settings: Settings, part: Literal["api", "worker"]) -> Tracing:
    """Records where an endpoint is set and the extra `otel` is installed."""
    if settings.otel_endpoint is None:
        return NoopTracing()
    try:
        from service.telemetry.otel import open_otel_tracing
    except ModuleNotFoundError as missing:
        log.warning("no traces: %s; install kernelsight[otel]", missing)
        return NoopTracing()
    return open_otel_tracing(settings.otel_endpoint, f"kernelsight-{part}", ratio=settings.trace_ratio)


_current: ContextVar[Span | None] = ContextVar("span", default=None)


def current_span() -> Span:
    return _current.get() or NoopSpan()


@contextmanager
def use_span(span: Span) -> Iterator[Span]:
    """What this block begins is below `span`, which ends and fails with it."""
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        span.fail(_name_of(error))
        raise
    finally:
        _current.reset(token)
        span.end()


@contextmanager
def start_span(name: str, kind: SpanKindName = "internal", attributes: SpanAttributes = NO_ATTRIBUTES) -> Iterator[Span]:
    """This block as a span below the current one."""
    with use_span(current_span().start_child(name, kind, attributes)) as span:
        yield span


def record_stages(seen: Observation) -> None:
    """The engine's observer: its stages become spans once they are over, so that nothing waits for it."""
    parent = current_span()
    if not parent.is_recording:
        return
    now, now_ns = perf_counter(), time_ns()

    def at(moment: float) -> int:
        return now_ns - round((now - moment) * 1e9)

    *stages, total = seen.stages  # the engine's own stopwatch stops last
    attributes: SpanAttributes = {
        "kernelsight.result_id": seen.findings.result_id,
        "kernelsight.models": [f"{used.id}@{used.version}" for used in seen.findings.models],
        "kernelsight.priority": seen.priority,
        "kernelsight.stages": len(stages),
    }
    run = parent.add_finished_child("engine.run", at(total.ended - total.seconds), at(total.ended), attributes)
    for stage in stages[:MAX_STAGES]:
        run.add_finished_child(stage.name, at(stage.ended - stage.seconds), at(stage.ended), _stage(stage))


def _stage(stage: StageTiming) -> SpanAttributes:
    pipeline, _, name = stage.name.rpartition(".")
    return {"kernelsight.pipeline": pipeline, "kernelsight.stage": name} if pipeline else {"kernelsight.stage": name}


def _name_of(error: BaseException) -> str:
    known = next((one for one in (error, error.__cause__) if isinstance(one, KernelSightError)), None)
    return type(error).__name__ if known is None else known.code
