"""Confined processes: what they cannot do, and how they end."""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.confinement.channel import ChannelMessage
from pipelines.confinement.process import ConfinedProcess, ProcessDied, ProcessLimits, ProcessTooSlow
from tests.pipelines.confinement import reading_process

PROBE, READER = "tests.pipelines.confinement.probe_process", "tests.pipelines.confinement.reading_process"

needs_seccomp = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="no filter for this machine"
)


@pytest.fixture(scope="module")
def probe() -> Iterator[ConfinedProcess]:
    process = ConfinedProcess(PROBE, ProcessLimits(memory=2**30))
    yield process
    process.close()


@pytest.fixture(scope="module")
def reader() -> Iterator[ConfinedProcess]:
    process = ConfinedProcess(READER, ProcessLimits(memory=2**30))
    yield process
    process.close()


def attempt(process: ConfinedProcess, kind: str, argument: Any = None) -> Any:
    """The attempt's result, or the name of the error that it met."""
    facts = process.request(ChannelMessage({"kind": kind, "argument": argument})).facts
    return facts.get("error", facts.get("result"))


def test_a_process_does_not_see_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSIGHT_API_KEY", "secret")
    process = ConfinedProcess(PROBE, ProcessLimits())

    seen = attempt(process, "environment")
    process.close()

    assert "secret" not in str(seen)
    assert {name for name in seen if not name.startswith(("MALLOC_", "OPENBLAS_", "OMP_", "LC_"))} <= {
        "PYTHONPATH",
        "LD_LIBRARY_PATH",
        "PYTHONHOME",
    }


def test_a_process_has_no_descriptors_of_the_service(probe: ConfinedProcess, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        process = ConfinedProcess(PROBE, ProcessLimits())

    assert len(attempt(process, "descriptors")) == 5  # standard streams, the one for tracebacks, and the channel
    process.close()


@needs_seccomp
@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        ("read", sys.executable), ("write", os.devnull), ("connect", None), ("listen", None),
        ("execute", sys.executable), ("fork", None), ("signal", None),
    ],
)  # fmt: skip
def test_a_process_may_only_compute(probe: ConfinedProcess, kind: str, argument: Any) -> None:
    target = os.getpid() if kind == "signal" else argument  # no parameter: workers of pytest-xdist differ in it

    assert attempt(probe, kind, target) == "PermissionError"


@needs_seccomp
def test_a_process_may_read_the_folders_that_it_was_given(reader: ConfinedProcess) -> None:
    inside = next(path for path in reading_process.READABLE.rglob("*") if path.is_file() and not path.is_symlink())

    assert attempt(reader, "read", str(inside)) == inside.stat().st_size
    assert attempt(reader, "read", sys.executable) == "PermissionError"
    assert attempt(reader, "write", str(inside)) == "PermissionError"


def test_a_process_may_start_threads(probe: ConfinedProcess) -> None:
    assert attempt(probe, "thread") == "ran"


def test_memory_ends_at_the_limit(probe: ConfinedProcess) -> None:
    assert attempt(probe, "allocate", 2**28) == 2**28
    assert attempt(probe, "allocate", 2**30) == "MemoryError"


def test_a_process_that_hangs_is_ended() -> None:
    process = ConfinedProcess(PROBE, ProcessLimits(seconds=0.2))

    with pytest.raises(ProcessTooSlow):
        attempt(process, "sleep", 600)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_process_that_ends_is_noticed() -> None:
    process = ConfinedProcess(PROBE, ProcessLimits())

    with pytest.raises(ProcessDied) as died:
        attempt(process, "end", 3)
    assert not isinstance(died.value, ProcessTooSlow)


def test_arrays_come_back_as_they_were_sent(probe: ConfinedProcess) -> None:
    rng = np.random.default_rng(0)
    for size in (3, 5_000, 40_000_000, 10):  # bytes: less, more, more than is kept, less
        arrays = {
            "bytes": rng.integers(0, 256, (1, size), np.uint8),
            "floats": rng.random((7, 2), np.float32),
            "nothing": np.zeros((0, 4), np.float32),
            "flags": np.array([True, False]),
        }
        reply = probe.request(ChannelMessage({"kind": "echo", "argument": size}, arrays))

        assert reply.facts == {"seen": size}
        assert all(np.array_equal(reply.arrays[name], array) for name, array in arrays.items())
