"""Ids of results. They begin with their time, so that what is known of one is looked for where it must be."""

import random
import re
import time

_FORM = re.compile(r"res_([0-9a-f]{12})[0-9a-f]{20}")
_END = 253_402_300_800.0  # Unix seconds at the end of the year 9999: what is later has no date


def new_result_id() -> str:
    """`res_` and 32 hexadecimal digits: 12 of Unix milliseconds, as UUIDv7 begins (RFC 9562), and 80 random bits."""
    return f"res_{time.time_ns() // 1_000_000:012x}{random.getrandbits(80):020x}"


def made_at(result_id: str) -> float | None:
    """Unix seconds; None for what is no result id."""
    found = _FORM.fullmatch(result_id)
    at = int(found[1], 16) / 1000 if found else _END
    return at if at < _END else None
