"""Processes are killed while they work. No job may be lost, and none may have its outcome written twice."""

import os
import signal

from service.queue.types import NewJob
from tests.crash.processes import LEASE_SECONDS, Workplace, until

SLOTS = 64


def jobs(count: int, seconds: float = 0.0) -> list[NewJob]:
    return [NewJob({"n": n, "seconds": seconds}, "batch") for n in range(count)]


def some_are_done(place: Workplace, count: int) -> bool:
    return place.counts("done").total() >= count


def assert_all_done_once(place: Workplace, ids: list[str]) -> None:
    """A worker that was killed may have written a result without having logged that, hence "at most once" there."""
    states = place.states_when_final(ids)
    written = place.counts("done")
    assert (states, max(written.values()), place.results(ids), place.left()) == (
        {"done": len(ids)}, 1, {id.encode() for id in ids}, [0, 0],
    )  # fmt: skip


def test_ten_thousand_jobs_outlive_one_of_two_workers(place: Workplace) -> None:
    victim = place.worker()
    place.worker()
    with place.held():
        ids = place.put(jobs(10_000, seconds=0.005))
    until(lambda: some_are_done(place, 3_000))
    victim.kill()

    assert_all_done_once(place, ids)


def test_what_the_only_worker_had_begun_is_done_by_the_next_one(place: Workplace) -> None:
    victim = place.worker()
    with place.held():
        ids = place.put([*jobs(1_000), *(NewJob({"hangs_once": True}, "batch") for _ in range(SLOTS)), *jobs(4_000)])
    until(lambda: len(place.counts("start")) >= 1_000 + SLOTS)
    victim.kill()
    victim.wait()
    place.worker()

    assert_all_done_once(place, ids)
    twice = {id for id, count in place.counts("start").items() if count > 1}
    assert twice == set(ids[1_000 : 1_000 + SLOTS])


def test_the_server_may_be_killed_and_comes_back_with_all_it_knew(place: Workplace) -> None:
    place.worker()
    place.worker()
    with place.held():
        ids = place.put(jobs(3_000, seconds=0.05))
    until(lambda: some_are_done(place, 500))
    os.kill(place.server_process, signal.SIGKILL)
    done_before = place.counts("done").total()
    place.server.revive()

    assert done_before < len(ids)

    assert_all_done_once(place, ids)


def test_a_job_that_kills_its_worker_is_a_dead_letter_after_three_and_the_others_are_done(place: Workplace) -> None:
    [poison] = place.put([NewJob({"kill": True})])
    for _ in range(3):
        assert place.worker().wait(30) == -signal.SIGKILL
    ids = place.put(jobs(100))
    place.worker()

    assert (place.states_when_final([poison]), place.counts("start")[poison]) == ({"dead": 1}, 3)
    assert_all_done_once(place, ids)


def test_jobs_longer_than_their_lease_run_once_each(place: Workplace) -> None:
    ids = place.put(jobs(8, seconds=3 * LEASE_SECONDS))
    place.worker(concurrency=4)
    place.worker(concurrency=4)

    assert_all_done_once(place, ids)
    assert place.counts("start") == dict.fromkeys(ids, 1)


def test_a_worker_that_is_asked_to_stop_finishes_or_hands_over_and_nothing_waits_for_a_lease(place: Workplace) -> None:
    long = place.put([NewJob({"n": n, "seconds": 5.0}) for n in range(10)])
    ids = place.put(jobs(500, seconds=0.02))
    leaving = place.worker()
    until(lambda: some_are_done(place, 100))
    leaving.terminate()
    code = leaving.wait(30)
    statuses = place.statuses([*long, *ids])
    left = {status.state for status in statuses if status}, {status.attempts for status in statuses if status}
    place.worker()

    assert (code, left) == (0, ({"queued", "done"}, {0, 1}))
    assert_all_done_once(place, [*long, *ids])
    assert {id for id, count in place.counts("start").items() if count > 1} == set(long)


def test_interactive_jobs_overtake_ten_thousand_that_wait(place: Workplace) -> None:
    ids = place.put(jobs(10_000, seconds=0.002))
    place.worker(concurrency=SLOTS)
    until(lambda: some_are_done(place, 500))
    late = place.put([NewJob({"seconds": 0.002}) for _ in range(30)])
    seen = len(place.lines())
    until(lambda: all(place.counts("done")[id] for id in late))
    starts = "".join(priority[0] for what, priority, _ in place.lines()[seen:] if what == "start")
    between = starts.rpartition("i")[0].count("b")

    assert between <= SLOTS
    assert_all_done_once(place, [*late, *ids])
