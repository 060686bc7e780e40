"""References are captured, stored, loaded from other processes, reset, and checked for damage."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.cpu_pool import CpuPool
from service.monitoring.errors import ReferenceInvalid, ReferencesNotWritable, ReferenceUnknown
from service.monitoring.quality.reference_manager import ReferenceManager
from service.monitoring.quality.reference_store import ReferenceStore
from service.monitoring.quality.tracker import DriftTracker
from tests.service.monitoring.quality.observations import WINDOW, make_subject, observe_random


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


class Process:
    """One service process: a tracker, and a reference manager that updates on request."""

    def __init__(self, folder: Path, pool: CpuPool, *, auto: bool = True, fingerprint: str = "a" * 64) -> None:
        self.tracker = DriftTracker(make_subject(fingerprint), WINDOW)
        self._manager = ReferenceManager([self.tracker], ReferenceStore(folder), pool, auto=auto, observations=500)

    def update(self) -> "Process":
        asyncio.run(self._manager.update())
        return self

    def observe(self, count: int, mean: float = 0.5) -> "Process":
        observe_random(self.tracker, count, mean=mean)
        return self.update()


def test_the_first_answers_become_the_reference_of_all_processes(tmp_path: Path, pool: CpuPool) -> None:
    one, other = (Process(tmp_path, pool).update() for _ in range(2))
    state_before = one.tracker.state
    one.observe(500)
    other.update()

    stored = ReferenceStore(tmp_path).load("made-up")
    assert stored
    assert state_before == "capturing"
    assert stored.source == "first answers"
    assert stored.observations == 500
    assert one.tracker.reference == stored
    assert other.tracker.reference == stored
    assert other.tracker.capture is None


def test_a_process_that_finishes_second_takes_the_first_reference(tmp_path: Path, pool: CpuPool) -> None:
    one, other = (Process(tmp_path, pool).update() for _ in range(2))
    observe_random(other.tracker, 500, mean=0.9)
    one.observe(500)
    other.update()

    assert other.tracker.reference == one.tracker.reference


def test_without_auto_references_are_captured_only_on_request(tmp_path: Path, pool: CpuPool) -> None:
    process = Process(tmp_path, pool, auto=False).update().observe(500)
    before = process.tracker.state
    process.tracker.start_capture(500, "traffic")
    process.observe(500)

    assert before == "none"
    assert process.tracker.state == "compared"


def test_the_old_reference_is_used_until_the_new_one_is_complete(tmp_path: Path, pool: CpuPool) -> None:
    process = Process(tmp_path, pool).update().observe(500)
    process.tracker.start_capture(500, "traffic")
    process.observe(WINDOW - 1, mean=0.9)
    [during] = process.tracker.compare()
    process.observe(1, mean=0.9)
    [after] = process.tracker.compare()

    assert during.psi is not None
    assert after.psi is not None
    assert during.psi > 1
    assert after.psi < 0.1


def test_after_a_reset_the_next_answers_become_the_reference(tmp_path: Path, pool: CpuPool) -> None:
    process = Process(tmp_path, pool).update().observe(500)
    ReferenceStore(tmp_path).remove("made-up")
    process.update()
    state_after_reset = process.tracker.state
    process.observe(500)

    assert state_after_reset == "capturing"
    assert process.tracker.state == "compared"


def test_a_stale_reference_is_logged_and_not_replaced(
    tmp_path: Path, pool: CpuPool, caplog: pytest.LogCaptureFixture
) -> None:
    Process(tmp_path, pool).update().observe(500)
    other = Process(tmp_path, pool, fingerprint="b" * 64).update().observe(1000)

    assert other.tracker.state == "stale"
    assert other.tracker.capture is None
    assert "belongs to other models than run here" in caplog.text


def test_a_damaged_file_is_logged_and_the_known_reference_stays(
    tmp_path: Path, pool: CpuPool, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(tmp_path, pool).update().observe(500)
    path = ReferenceStore(tmp_path).path("made-up")
    path.write_text(path.read_text()[:100])
    process.update()

    assert process.tracker.state == "compared"
    assert f"the reference in {path} cannot be used" in caplog.text
    with pytest.raises(ReferenceInvalid):
        ReferenceStore(tmp_path).load("made-up")


def test_in_an_unwritable_folder_a_reference_lives_in_its_process(
    tmp_path: Path, pool: CpuPool, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "references").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        process = Process(tmp_path / "references" / "deeper", pool).update().observe(500)

    assert process.tracker.reference is not None
    assert "is lost when this process ends" in caplog.text
    with pytest.raises(ReferencesNotWritable):
        ReferenceStore(tmp_path / "references" / "deeper").save(process.tracker.reference)


def test_an_unknown_reference_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(ReferenceUnknown, match="there are: none"):
        ReferenceStore(tmp_path).remove("made-up")
