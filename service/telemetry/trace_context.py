"""W3C Trace Context: headers that continue a trace from service to service and through the queue.

https://www.w3.org/TR/trace-context/
"""

import re
from collections.abc import Iterable, Mapping

# Version 00 has these four fields; a later version may append more after a dash. Version ff is invalid.
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_MAX_HEADER_LENGTH = 512  # characters


def extract_trace_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """A request's `traceparent` and `tracestate`; nothing if `traceparent` is missing or malformed."""
    found: dict[str, list[str]] = {"traceparent": [], "tracestate": []}
    for name, value in headers:
        if name in (b"traceparent", b"tracestate"):
            found[name.decode()].append(value.decode("latin-1").strip())
    parents, states = found["traceparent"], ",".join(found["tracestate"])
    if len(parents) != 1 or not _is_parent(parents[0]):
        return {}
    return {"traceparent": parents[0]} | ({"tracestate": states} if 0 < len(states) <= _MAX_HEADER_LENGTH else {})


def parse_trace_id(headers: Mapping[str, str]) -> str | None:
    """The trace id in headers that `extract_trace_headers` returned."""
    parent = headers.get("traceparent")
    return None if parent is None else parent.split("-")[1]


def _is_parent(text: str) -> bool:
    match = _PARENT.fullmatch(text) if len(text) <= _MAX_HEADER_LENGTH else None
    return match is not None and (match[1] != "00" or match[5] is None)
