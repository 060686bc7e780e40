"""What is logged meanwhile, as lines of JSON."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.logs import JsonLines, Scrub

Lines = list[dict[str, Any]]


@contextmanager
def logged() -> Iterator[Lines]:
    """Filled at the end of the block."""
    stream, root, lines = io.StringIO(), logging.getLogger(), Lines()
    handler, level = logging.StreamHandler(stream), root.level
    handler.setFormatter(JsonLines(Scrub()))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        lines += [json.loads(line) for line in stream.getvalue().splitlines()]
