"""The life of references: captured by itself, stored, taken over from others, stale, reset, damaged."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.cpu_pool import CpuPool
from service.monitoring.errors import ReferenceInvalid, ReferencesNotWritable, ReferenceUnknown
from service.monitoring.quality.reference_manager import Keeper
from service.monitoring.quality.reference_store import References
from service.monitoring.quality.tracker import Tracker
from tests.service.monitoring.quality.observations import WINDOW, observed, subject


@pytest.fixture
def pool() -> Iterator[CpuPool]:
    pool = CpuPool(threads=1)
    yield pool
    pool.close()


class Process:
    """A service's part in it: a tracker, and a keeper that looks when it is told to."""

    def __init__(self, folder: Path, pool: CpuPool, *, auto: bool = True, fingerprint: str = "a" * 64) -> None:
        self.tracker = Tracker(subject(fingerprint), WINDOW)
        self._keeper = Keeper([self.tracker], References(folder), pool, auto=auto, observations=500)

    def look(self) -> "Process":
        asyncio.run(self._keeper.look())
        return self

    def answer(self, count: int, mean: float = 0.5) -> "Process":
        observed(self.tracker, count, mean=mean)
        return self.look()


def test_the_first_answers_become_the_reference_of_this_process_and_of_others(tmp_path: Path, pool: CpuPool) -> None:
    one, other = (Process(tmp_path, pool).look() for _ in range(2))
    states = [one.tracker.state]
    one.answer(500)
    other.look()

    stored = References(tmp_path).load("made-up")
    assert stored
    assert (states, stored.source, stored.observations) == (["capturing"], "first answers", 500)
    assert [each.tracker.reference for each in (one, other)] == [stored, stored]
    assert other.tracker.capture is None


def test_a_process_whose_capture_ends_second_keeps_the_first_ones(tmp_path: Path, pool: CpuPool) -> None:
    one, other = (Process(tmp_path, pool).look() for _ in range(2))
    observed(other.tracker, 500, mean=0.9)
    one.answer(500)
    other.look()

    assert other.tracker.reference == one.tracker.reference


def test_without_auto_nothing_is_captured_until_it_is_asked_for(tmp_path: Path, pool: CpuPool) -> None:
    process = Process(tmp_path, pool, auto=False).look().answer(500)
    before = process.tracker.state
    process.tracker.begin(500, "traffic")
    process.answer(500)

    assert (before, process.tracker.state) == ("none", "compared")


def test_the_old_reference_is_compared_with_until_the_new_one_is_whole(tmp_path: Path, pool: CpuPool) -> None:
    process = Process(tmp_path, pool).look().answer(500)
    process.tracker.begin(500, "traffic")
    process.answer(WINDOW - 1, mean=0.9)
    [during] = process.tracker.compared()
    process.answer(1, mean=0.9)
    [after] = process.tracker.compared()

    assert during.psi is not None
    assert after.psi is not None
    assert (during.psi > 1, after.psi < 0.1) == (True, True)


def test_a_reset_is_noticed_and_the_next_answers_become_the_reference(tmp_path: Path, pool: CpuPool) -> None:
    process = Process(tmp_path, pool).look().answer(500)
    References(tmp_path).remove("made-up")
    process.look()
    states = [process.tracker.state]
    process.answer(500)

    assert [*states, process.tracker.state] == ["capturing", "compared"]


def test_a_stale_reference_is_said_and_not_replaced_by_what_a_new_model_says_of_itself(
    tmp_path: Path, pool: CpuPool, caplog: pytest.LogCaptureFixture
) -> None:
    Process(tmp_path, pool).look().answer(500)
    other = Process(tmp_path, pool, fingerprint="b" * 64).look().answer(1000)

    assert (other.tracker.state, other.tracker.capture) == ("stale", None)
    assert "is of other models than run here" in caplog.text


def test_a_damaged_file_is_said_and_what_was_known_goes_on(
    tmp_path: Path, pool: CpuPool, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(tmp_path, pool).look().answer(500)
    path = References(tmp_path).path("made-up")
    path.write_text(path.read_text()[:100])
    process.look()

    assert process.tracker.state == "compared"
    assert f"the reference in {path} cannot be used" in caplog.text
    with pytest.raises(ReferenceInvalid):
        References(tmp_path).load("made-up")


def test_a_folder_that_takes_no_file_costs_the_reference_only_when_the_process_ends(
    tmp_path: Path, pool: CpuPool, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "references").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        process = Process(tmp_path / "references" / "deeper", pool).look().answer(500)

    assert process.tracker.reference is not None
    assert "is lost when this process ends" in caplog.text
    with pytest.raises(ReferencesNotWritable):
        References(tmp_path / "references" / "deeper").save(process.tracker.reference)


def test_what_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(ReferenceUnknown, match="there are: none"):
        References(tmp_path).remove("made-up")
