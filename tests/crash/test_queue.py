"""Processes are killed while they work: no job may be lost, and no outcome written twice."""

import os
import signal

from service.queue.types import NewJob
from tests.crash.processes import LEASE_SECONDS, QueueProcesses, wait_until

SLOTS = 64


def jobs(count: int, seconds: float = 0.0) -> list[NewJob]:
    return [NewJob({"n": n, "seconds": seconds}, "batch") for n in range(count)]


def some_are_done(processes: QueueProcesses, count: int) -> bool:
    return processes.count_events("done").total() >= count


def assert_all_done_once(processes: QueueProcesses, ids: list[str]) -> None:
    """A killed worker may have written a result without logging it, so the log has each job at most once."""
    states = processes.states_when_final(ids)
    written = processes.count_events("done")
    assert states == {"done": len(ids)}
    assert max(written.values()) == 1
    assert processes.results(ids) == {id.encode() for id in ids}
    assert processes.count_remaining() == [0, 0]


def test_no_job_is_lost_with_one_of_two_workers(processes: QueueProcesses) -> None:
    victim = processes.start_worker()
    processes.start_worker()
    with processes.pause_workers():
        ids = processes.enqueue(jobs(10_000, seconds=0.005))
    wait_until(lambda: some_are_done(processes, 3_000))
    victim.kill()

    assert_all_done_once(processes, ids)


def test_jobs_of_a_killed_worker_are_done_by_the_next(processes: QueueProcesses) -> None:
    victim = processes.start_worker()
    with processes.pause_workers():
        ids = processes.enqueue(
            [*jobs(1_000), *(NewJob({"hangs_once": True}, "batch") for _ in range(SLOTS)), *jobs(4_000)]
        )
    wait_until(lambda: len(processes.count_events("start")) >= 1_000 + SLOTS)
    victim.kill()
    victim.wait()
    processes.start_worker()

    assert_all_done_once(processes, ids)
    twice = {id for id, count in processes.count_events("start").items() if count > 1}
    assert twice == set(ids[1_000 : 1_000 + SLOTS])


def test_no_job_is_lost_with_the_server(processes: QueueProcesses) -> None:
    processes.start_worker()
    processes.start_worker()
    with processes.pause_workers():
        ids = processes.enqueue(jobs(3_000, seconds=0.05))
    wait_until(lambda: some_are_done(processes, 500))
    os.kill(processes.server_pid, signal.SIGKILL)
    done_before = processes.count_events("done").total()
    processes.server.revive()

    assert done_before < len(ids)

    assert_all_done_once(processes, ids)


def test_a_job_that_kills_three_workers_becomes_a_dead_letter(processes: QueueProcesses) -> None:
    [poison] = processes.enqueue([NewJob({"kill": True})])
    for _ in range(3):
        assert processes.start_worker().wait(30) == -signal.SIGKILL
    ids = processes.enqueue(jobs(100))
    processes.start_worker()

    assert processes.states_when_final([poison]) == {"dead": 1}
    assert processes.count_events("start")[poison] == 3
    assert_all_done_once(processes, ids)


def test_jobs_longer_than_their_lease_run_once_each(processes: QueueProcesses) -> None:
    ids = processes.enqueue(jobs(8, seconds=3 * LEASE_SECONDS))
    processes.start_worker(concurrency=4)
    processes.start_worker(concurrency=4)

    assert_all_done_once(processes, ids)
    assert processes.count_events("start") == dict.fromkeys(ids, 1)


def test_a_terminated_worker_finishes_or_releases_its_jobs_at_once(processes: QueueProcesses) -> None:
    long = processes.enqueue([NewJob({"n": n, "seconds": 5.0}) for n in range(10)])
    ids = processes.enqueue(jobs(500, seconds=0.02))
    leaving = processes.start_worker()
    wait_until(lambda: some_are_done(processes, 100))
    leaving.terminate()
    code = leaving.wait(30)
    statuses = processes.statuses([*long, *ids])
    processes.start_worker()

    assert code == 0
    assert {status.state for status in statuses if status} == {"queued", "done"}
    assert {status.attempts for status in statuses if status} == {0, 1}
    assert_all_done_once(processes, [*long, *ids])
    assert {id for id, count in processes.count_events("start").items() if count > 1} == set(long)


def test_interactive_jobs_overtake_ten_thousand_batch_jobs(processes: QueueProcesses) -> None:
    ids = processes.enqueue(jobs(10_000, seconds=0.002))
    processes.start_worker(concurrency=SLOTS)
    wait_until(lambda: some_are_done(processes, 500))
    late = processes.enqueue([NewJob({"seconds": 0.002}) for _ in range(30)])
    seen = len(processes.log_lines())
    wait_until(lambda: all(processes.count_events("done")[id] for id in late))
    starts = "".join(priority[0] for event, priority, _ in processes.log_lines()[seen:] if event == "start")
    batch_jobs_between = starts.rpartition("i")[0].count("b")

    assert batch_jobs_between <= SLOTS
    assert_all_done_once(processes, [*late, *ids])
