"""Captures log lines as JSON."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.telemetry.logs import OUR_LOGGERS, JsonFormatter, SecretFilter

LogLines = list[dict[str, Any]]


@contextmanager
def capture_log() -> Iterator[LogLines]:
    """Filled at the end of the block."""
    stream, root, lines = io.StringIO(), logging.getLogger(), LogLines()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(SecretFilter()))
    loggers = [
        root,
        *map(logging.getLogger, OUR_LOGGERS),
    ]  # a command that ran in this process has left them at its level
    levels = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        lines += [json.loads(line) for line in stream.getvalue().splitlines()]
