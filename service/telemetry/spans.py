"""The types that spans are described with."""

from collections.abc import Mapping, Sequence
from typing import Literal

SpanKindName = Literal["internal", "server", "client", "producer", "consumer"]

SpanAttributes = Mapping[str, str | int | float | bool | Sequence[str]]

NO_ATTRIBUTES: SpanAttributes = {}
