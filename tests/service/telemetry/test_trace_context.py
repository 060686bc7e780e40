"""A valid `traceparent` is read as W3C Trace Context defines it; any other is ignored."""

import pytest

from service.telemetry.request_context import extract_trace_headers, parse_trace_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"


def trace_id_from(*values: str) -> str | None:
    return parse_trace_id(extract_trace_headers([(b"traceparent", value.encode("latin-1")) for value in values]))


@pytest.mark.parametrize("value", [VALID, f" {VALID} ", f"00-{TRACE}-{PARENT}-00", f"cc-{TRACE}-{PARENT}-01-and-more"])
def test_a_valid_header_gives_the_trace_id(value: str) -> None:
    assert trace_id_from(value) == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "", VALID[:-1], VALID + "0", VALID + "-more", VALID.upper(), "ff" + VALID[2:], "0" + VALID,
        VALID.replace("-", "_"), f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"cc-{TRACE}-{PARENT}-01more", "x" + VALID[1:], f"cc-{TRACE}-{PARENT}-01-" + "x" * 500, "00-\xb2" + VALID[4:],
    ],
)  # fmt: skip
def test_a_malformed_header_is_ignored(value: str) -> None:
    assert trace_id_from(value) is None


def test_two_headers_are_ignored() -> None:
    assert trace_id_from(VALID, VALID) is None


def test_tracestate_is_kept_only_beside_a_valid_traceparent() -> None:
    states = [(b"tracestate", b"a=1"), (b"tracestate", b"b=2")]

    assert extract_trace_headers([*states, (b"traceparent", VALID.encode())])["tracestate"] == "a=1,b=2"
    assert extract_trace_headers([*states, (b"traceparent", b"00-what-ever-01")]) == {}
