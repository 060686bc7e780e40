"""`traceparent` is taken as W3C Trace Context has it, or not at all."""

import pytest

from service.telemetry.trace_context import extract_trace_headers, parse_trace_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{PARENT}-01"


def taken(*values: str) -> str | None:
    return parse_trace_id(extract_trace_headers([(b"traceparent", value.encode("latin-1")) for value in values]))


@pytest.mark.parametrize("value", [GOOD, f" {GOOD} ", f"00-{TRACE}-{PARENT}-00", f"cc-{TRACE}-{PARENT}-01-and-more"])
def test_a_good_one_gives_the_traces_id(value: str) -> None:
    assert taken(value) == TRACE


@pytest.mark.parametrize(
    "value",
    [
        "", GOOD[:-1], GOOD + "0", GOOD + "-more", GOOD.upper(), "ff" + GOOD[2:], "0" + GOOD, GOOD.replace("-", "_"),
        f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{'0' * 16}-01", f"cc-{TRACE}-{PARENT}-01more", "x" + GOOD[1:],
        f"cc-{TRACE}-{PARENT}-01-" + "x" * 500, "00-\xb2" + GOOD[4:],
    ],
)  # fmt: skip
def test_a_malformed_one_is_none(value: str) -> None:
    assert taken(value) is None


def test_two_of_them_are_none() -> None:
    assert taken(GOOD, GOOD) is None


def test_the_state_goes_along_with_a_good_one_only() -> None:
    states = [(b"tracestate", b"a=1"), (b"tracestate", b"b=2")]

    assert extract_trace_headers([*states, (b"traceparent", GOOD.encode())])["tracestate"] == "a=1,b=2"
    assert extract_trace_headers([*states, (b"traceparent", b"00-what-ever-01")]) == {}
