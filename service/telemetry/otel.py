"""OpenTelemetry backend of tracing: records spans with the SDK and sends them by OTLP over HTTP.

The SDK reads the standard OTEL_… variables by itself: headers, certificates, batches, resource attributes, limits.
"""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.telemetry.spans import NO_ATTRIBUTES, SpanAttributes, SpanKindName

CLOSE_SECONDS = 3.0  # an unreachable collector must not keep a process from ending

_KINDS: dict[SpanKindName, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_W3C = TraceContextTextMapPropagator()
_IDS = RandomIdGenerator()
SCOPE = InstrumentationScope("kernelsight", version("kernelsight"))


def open_otel_tracing(endpoint: str, service: str, *, ratio: float) -> "OtelTracing":
    """Sends spans to the collector at the base URL `endpoint`, as in OTEL_EXPORTER_OTLP_ENDPOINT."""
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    return OtelTracing(service, BatchSpanProcessor(exporter), ratio=ratio)


class OtelTracing:
    """Records the share `ratio` of the traces that begin here; for incoming traces, the caller has decided."""

    def __init__(self, service: str, processor: SpanProcessor, *, ratio: float = 1.0) -> None:
        attributes = {
            "service.name": service,
            "service.namespace": "kernelsight",
            "service.version": version("kernelsight"),
            "service.instance.id": str(uuid.uuid4()),
        }
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            # The operator's attributes win.
            resource=Resource.create(attributes).merge(OTELResourceDetector().detect()),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._recorder = SpanRecorder(
            self._provider.get_tracer(SCOPE.name, SCOPE.version), processor, self._provider.resource
        )

    def begin(
        self, name: str, kind: SpanKindName, headers: Mapping[str, str], attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> "OtelSpan":
        context = _W3C.extract(headers, Context())
        return OtelSpan(self._recorder, self._recorder.tracer.start_span(name, context, _KINDS[kind], attributes))

    def close(self) -> None:
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)  # it may try for half a minute
        closing.start()
        closing.join(CLOSE_SECONDS)


@dataclass(frozen=True, slots=True)
class SpanRecorder:
    """Starts spans, and takes finished ones."""

    tracer: trace.Tracer
    processor: SpanProcessor
    resource: Resource


@dataclass(frozen=True, slots=True)
class OtelSpan:
    """A `Span` of tracing.py that OpenTelemetry records."""

    recorder: SpanRecorder
    span: trace.Span

    @property
    def headers(self) -> Mapping[str, str]:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, self._context)
        return carrier

    @property
    def is_recording(self) -> bool:
        return self.span.is_recording()

    def start_child(
        self, name: str, kind: SpanKindName = "internal", attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> "OtelSpan":
        span = self.recorder.tracer.start_span(name, self._context, _KINDS[kind], attributes)
        return OtelSpan(self.recorder, span)

    def add_finished_child(
        self, name: str, started: int, ended: int, attributes: SpanAttributes = NO_ATTRIBUTES
    ) -> "OtelSpan":
        """Bypasses the tracer, which would take five times as long: the parent decides on sampling."""
        parent = self.span.get_span_context()
        context = trace.SpanContext(
            parent.trace_id, _IDS.generate_span_id(), False, parent.trace_flags, parent.trace_state
        )
        span = ReadableSpan(
            name,
            context,
            parent,
            self.recorder.resource,
            attributes,
            instrumentation_scope=SCOPE,
            start_time=started,
            end_time=ended,
        )
        self.recorder.processor.on_end(span)
        return OtelSpan(self.recorder, trace.NonRecordingSpan(context))

    def rename(self, name: str, attributes: SpanAttributes = NO_ATTRIBUTES) -> None:
        self.span.update_name(name)
        self.set(attributes)

    def set(self, attributes: SpanAttributes) -> None:
        self.span.set_attributes(attributes)

    def fail(self, error: str) -> None:
        self.span.set_attribute("error.type", error)
        self.span.set_status(Status(StatusCode.ERROR, error))

    def end(self) -> None:
        self.span.end()

    @property
    def _context(self) -> Context:
        return trace.set_span_in_context(self.span, Context())
