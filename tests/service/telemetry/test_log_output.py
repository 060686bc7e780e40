"""A stalled reader of the log blocks nothing."""

import logging
import os
import threading
from collections.abc import Iterator

import pytest

from service.telemetry.log_output import NonBlockingStreamHandler

LINES = 5_000
Pipe = tuple[int, logging.Handler]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """The reading end of a pipe, and the handler that writes to it."""
    reading, writing = os.pipe()
    yield reading, NonBlockingStreamHandler(writing)
    os.close(reading)
    os.close(writing)


def test_a_stalled_reader_costs_lines_and_blocks_nothing(pipe: Pipe) -> None:
    reading, handler = pipe
    log = logging.Logger("test")
    log.addHandler(handler)

    def write_lines() -> None:
        for _ in range(LINES):
            log.info("x" * 50)

    writer = threading.Thread(target=write_lines, daemon=True)
    writer.start()
    writer.join(30)
    assert not writer.is_alive()

    written = os.read(reading, 2**20).splitlines()
    assert set(written) == {b"x" * 50}
    assert len(written) < LINES


def test_lines_are_whole_and_in_order_even_long_ones(pipe: Pipe) -> None:
    reading, handler = pipe
    log = logging.Logger("test")
    log.addHandler(handler)

    for line in ("first", "y" * 10_000, "last \ud800"):
        log.info(line)

    assert os.read(reading, 2**20).splitlines() == [b"first", b"y" * 10_000, b"last \\ud800"]


def test_lost_lines_are_reported_when_the_reader_resumes(pipe: Pipe) -> None:
    reading, handler = pipe
    log = logging.getLogger("service.telemetry.log_output")
    log.addHandler(handler)
    try:
        for _ in range(LINES):
            log.warning("z" * 50)
        os.read(reading, 2**20)
        log.warning("again")
    finally:
        log.removeHandler(handler)

    lines = os.read(reading, 2**20).decode().splitlines()
    assert lines[0] == "again"
    assert lines[1].partition(" ")[2] == "log lines were lost: stderr could not be written to"
