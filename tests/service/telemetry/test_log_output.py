"""A log that nobody reads stops nobody."""

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
    """Where to read, and what writes there."""
    reading, writing = os.pipe()
    yield reading, NonBlockingStreamHandler(writing)
    os.close(reading)
    os.close(writing)


def test_a_reader_that_has_stalled_costs_lines_and_never_a_request(pipe: Pipe) -> None:
    reading, handler = pipe
    log = logging.Logger("told")
    log.addHandler(handler)

    def tell() -> None:
        for _ in range(LINES):
            log.info("x" * 50)

    telling = threading.Thread(target=tell, daemon=True)
    telling.start()
    telling.join(30)
    assert not telling.is_alive()

    written = os.read(reading, 2**20).splitlines()
    assert (set(written), len(written) < LINES) == ({b"x" * 50}, True)


def test_lines_are_whole_and_in_order_also_long_ones(pipe: Pipe) -> None:
    reading, handler = pipe
    log = logging.Logger("told")
    log.addHandler(handler)

    for line in ("first", "y" * 10_000, "last \ud800"):
        log.info(line)

    assert os.read(reading, 2**20).splitlines() == [b"first", b"y" * 10_000, b"last \\ud800"]


def test_what_was_lost_is_told_once_somebody_reads_again(pipe: Pipe) -> None:
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

    told = os.read(reading, 2**20).decode().splitlines()
    assert (told[0], told[1].partition(" ")[2]) == ("again", "lines of the log are lost: nobody read them")
