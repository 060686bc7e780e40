"""Traces of requests: nested spans, each a named stretch of time.

SERVER ─► operation ─► engine.run ─► its stages          a request that is answered at once
SERVER ─► PRODUCER ─► CONSUMER ─► operation ─► …         one that is answered by a worker, in the same trace
                              └─► PRODUCER ─► CONSUMER ─► CLIENT    and its callback

Without an endpoint nothing is recorded, and spans only pass on the incoming headers. otel.py records spans.
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

MAX_STAGES = 128  # spans of stages per request: a long document has thousands of stages


class Span(Protocol):
    """`headers` are W3C Trace Context; another process continues the trace below this span with them."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def is_recording(self) -> bool: ...

    def start_child(
        self, name: str, kind: SpanKindName = "internal", attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> "Span": ...

    def add_finished_child(
        self, name: str, started: int, ended: int, attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> "Span":
        """Record a span below this one that has already ended. Times are those of `time.time_ns`."""

    def rename(self, name: str, attributes: SpanAttributes = NO_ATTRIBUTES) -> None:
        """Set a name and attributes that were not known at the start."""

    def set(self, attributes: SpanAttributes) -> None: ...

    def fail(self, error: str) -> None:
        """`error` is a problem's code or an exception's class, never a message: messages may quote clients."""

    def end(self) -> None: ...


class Tracing(Protocol):
    def begin(
        self, name: str, kind: SpanKindName, headers: Mapping[str, str], attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> Span:
        """A span below the remote one that `headers` name, or the root of a new trace."""

    def close(self) -> None:
        """Export the remaining spans; takes a few seconds at most."""


@dataclass(frozen=True, slots=True)
class NoopSpan:
    headers: Mapping[str, str] = field(default_factory=dict)
    is_recording: bool = False

    def start_child(
        self, name: str, kind: SpanKindName = "internal", attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> "NoopSpan":
        return self

    def add_finished_child(
        self, name: str, started: int, ended: int, attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> "NoopSpan":
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
    def begin(
        self, name: str, kind: SpanKindName, headers: Mapping[str, str], attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> Span:
        return NoopSpan(headers)

    def close(self) -> None:
        pass


def open_tracing(settings: Settings, component: Literal["api", "worker"]) -> Tracing:
    """Records spans if an endpoint is set and the extra `otel` is installed."""
    if settings.telemetry.otel_endpoint is None:
        return NoopTracing()
    try:
        from service.telemetry.otel import open_otel_tracing
    except ModuleNotFoundError as missing:
        log.warning("no traces: %s; install kernelsight[otel]", missing)
        return NoopTracing()
    return open_otel_tracing(
        settings.telemetry.otel_endpoint, f"kernelsight-{component}", ratio=settings.telemetry.trace_ratio
    )


_current: ContextVar[Span | None] = ContextVar("span", default=None)


def current_span() -> Span:
    return _current.get() or NoopSpan()


@contextmanager
def use_span(span: Span) -> Iterator[Span]:
    """Makes `span` the current one in this block, which it ends and fails with."""
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        span.fail(_error_code(error))
        raise
    finally:
        _current.reset(token)
        span.end()


@contextmanager
def start_span(
    name: str, kind: SpanKindName = "internal", attributes: SpanAttributes = NO_ATTRIBUTES
) -> Iterator[Span]:
    """Records this block as a span below the current one."""
    with use_span(current_span().start_child(name, kind, attributes)) as span:
        yield span


def record_stages(observation: Observation) -> None:
    """Observer of the engine: stages become spans after they have ended, so that no request waits for tracing."""
    parent = current_span()
    if not parent.is_recording:
        return
    now, now_ns = perf_counter(), time_ns()

    def at(moment: float) -> int:
        return now_ns - round((now - moment) * 1e9)

    *stages, total = observation.stages  # the engine's own stopwatch stops last
    attributes: SpanAttributes = {
        "kernelsight.result_id": observation.findings.result_id,
        "kernelsight.models": [f"{used.id}@{used.version}" for used in observation.findings.models],
        "kernelsight.priority": observation.priority,
        "kernelsight.stages": len(stages),
    }
    run = parent.add_finished_child("engine.run", at(total.ended - total.seconds), at(total.ended), attributes)
    for stage in stages[:MAX_STAGES]:
        run.add_finished_child(stage.name, at(stage.ended - stage.seconds), at(stage.ended), _stage_attributes(stage))


def _stage_attributes(stage: StageTiming) -> SpanAttributes:
    pipeline, _, name = stage.name.rpartition(".")
    return {"kernelsight.pipeline": pipeline, "kernelsight.stage": name} if pipeline else {"kernelsight.stage": name}


def _error_code(error: BaseException) -> str:
    ours = next((one for one in (error, error.__cause__) if isinstance(one, KernelSightError)), None)
    return type(error).__name__ if ours is None else ours.code
