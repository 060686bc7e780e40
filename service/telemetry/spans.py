"""Types of spans that tracing and its OpenTelemetry backend share."""

from collections.abc import Mapping, Sequence
from typing import Literal

SpanKindName = Literal["internal", "server", "client", "producer", "consumer"]

SpanAttributes = Mapping[str, str | int | float | bool | Sequence[str]]

NO_ATTRIBUTES: SpanAttributes = {}
