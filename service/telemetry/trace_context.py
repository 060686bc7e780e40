"""W3C Trace Context: the headers that a trace goes on by, from service to service and through the queue.

https://www.w3.org/TR/trace-context/
"""

import re
from collections.abc import Iterable, Mapping

# Version 00 has these four fields; a later one may have more behind a further dash. Version ff is none.
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST = 512  # characters; of either header


def extract_trace_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """`traceparent` and `tracestate` as a request has them; nothing where the former is missing or malformed."""
    found: dict[str, list[str]] = {"traceparent": [], "tracestate": []}
    for name, value in headers:
        if name in (b"traceparent", b"tracestate"):
            found[name.decode()].append(value.decode("latin-1").strip())
    parents, states = found["traceparent"], ",".join(found["tracestate"])
    if len(parents) != 1 or not _is_parent(parents[0]):
        return {}
    return {"traceparent": parents[0]} | ({"tracestate": states} if 0 < len(states) <= _LONGEST else {})


def parse_trace_id(headers: Mapping[str, str]) -> str | None:
    """Of headers as `extract_trace_headers` gives them."""
    parent = headers.get("traceparent")
    return None if parent is None else parent.split("-")[1]


def _is_parent(text: str) -> bool:
    match = _PARENT.fullmatch(text) if len(text) <= _LONGEST else None
    return match is not None and (match[1] != "00" or match[5] is None)
