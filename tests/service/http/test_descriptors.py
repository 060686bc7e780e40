"""Connections end before the process's file descriptors do, and somebody is told in time."""

import logging
import os
import subprocess
import sys

import pytest

from service.http.connection_guard import ConnectionGuard
from service.http.descriptors import DescriptorShares, DescriptorWatch, raise_descriptor_limit
from service.settings import ConnectionSettings
from service.telemetry.metrics import Metrics


def count_open() -> int:
    return sum(1 for _ in os.scandir("/dev/fd")) - 1


@pytest.mark.parametrize("limit", [64, 256, 1024, 4096, 65_536])
def test_what_is_shared_out_is_there(limit: int) -> None:
    shares = DescriptorShares(limit)

    assert shares.backlog + shares.reserve + 2 * shares.connections <= limit
    assert shares.connections >= limit // 4


def raised_limit(soft: int, hard: int, connections: int) -> tuple[int, int]:
    """The soft limit of a process after it asked for so many connections, and the connections that it got."""
    code = (
        "import resource; from service.http.descriptors import raise_descriptor_limit as rise; "
        f"shares = rise({connections}); print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], shares.connections)"
    )
    command = ["sh", "-c", f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "$@"', "sh", sys.executable, "-c", code]
    soft_limit, number = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(soft_limit), int(number)


def test_the_soft_limit_is_raised_as_far_as_needed() -> None:
    soft, connections = raised_limit(256, 8192, 1024)

    assert 2 * 1024 < soft < 4096
    assert connections >= 1024


def test_no_limit_is_raised_beyond_the_hard_one() -> None:
    soft, connections = raised_limit(256, 1024, 1024)

    assert soft == 1024
    assert connections == 384


def test_a_sufficient_limit_is_left_alone() -> None:
    assert raised_limit(1000, 8192, 100)[0] == 1000


def test_too_low_a_limit_is_logged_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "service"):
        raise_descriptor_limit(10**6)

    assert "ulimit" in caplog.text


def test_the_log_tells_once_a_minute_that_they_run_out(caplog: pytest.LogCaptureFixture) -> None:
    watch = DescriptorWatch(DescriptorShares(count_open() + 1))

    with caplog.at_level(logging.ERROR, "service"):
        free = [watch.count_free(now_seconds) for now_seconds in (1, 2, 59, 61.5)]

    assert len(caplog.records) == 2
    assert max(free) <= 1


def test_fewer_connections_have_places_while_others_take_the_descriptors() -> None:
    limits = ConnectionSettings(max_connections=32)
    guard = ConnectionGuard(limits, DescriptorShares(count_open() + 1000), Metrics())
    guard.sweep([], 1)
    before = guard.table.limit
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(870)]
    guard.sweep([], 2)
    for file in files:
        os.close(file)

    assert before == 32
    assert guard.table.limit < 32
