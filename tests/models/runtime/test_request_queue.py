"""The request queue, compared with a plain list that gives the same guarantees."""

import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.errors import Overloaded
from models.priority import PRIORITIES, Priority
from models.runtime.request_queue import INTERACTIVE_BATCHES_PER_TURN, QueuedRequest, RequestQueue

Shape = tuple[int, ...]
SMALL: Shape = (2, 2)
LARGE: Shape = (4, 4)
MOST_ROWS = 3

priorities = st.sampled_from(PRIORITIES)
shapes = st.sampled_from([SMALL, LARGE])


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ModelQueue:
    """A model of the queue: the requests in it, in order of arrival, and those that were taken."""

    inside: list[QueuedRequest[int]] = field(default_factory=list)
    taken: list[QueuedRequest[int]] = field(default_factory=list)

    def alive(self, now: float) -> list[QueuedRequest[int]]:
        return [one for one in self.inside if one.deadline is None or one.deadline > now]


def of(priority: Priority, queue: list[QueuedRequest[int]]) -> list[QueuedRequest[int]]:
    return [one for one in queue if one.priority == priority]


def rows(queue: list[QueuedRequest[int]]) -> int:
    return sum(one.rows for one in queue)


class QueueMachine(RuleBasedStateMachine):
    """Any sequence of puts, takes, discards and drains while time passes."""

    LIMIT = 5

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.queue: RequestQueue[int] = RequestQueue("queue", self.LIMIT, clock=self.clock)
        self.model = ModelQueue()
        self.file_names = 0
        self.is_closed = False
        self.passed_over = dict.fromkeys(PRIORITIES, 0)

    @rule(priority=priorities, shape=shapes, lives=st.none() | st.integers(0, 3), rows=st.integers(1, MOST_ROWS))
    def put(self, priority: Priority, shape: Shape, lives: int | None, rows: int) -> None:
        deadline = None if lives is None else self.clock.now + lives
        one = QueuedRequest(self.file_names, shape, priority, deadline, rows, since=self.clock.now)
        held, alive = of(priority, self.model.inside), of(priority, self.model.alive(self.clock.now))
        try:
            self.queue.put(one)
        except Overloaded:
            assert self.is_closed or len(held) >= self.LIMIT
        else:
            assert not self.is_closed
            assert len(alive) < self.LIMIT
            self.model.inside.append(one)
            self.file_names += 1

    @rule(seconds=st.integers(1, 2))
    def advance_clock(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(limit=st.integers(MOST_ROWS, 6))
    def take(self, limit: int) -> None:
        alive = self.model.alive(self.clock.now)
        batch = self.queue.take(limit, wait=False)
        self.model.inside = alive  # expired requests are dropped
        if not alive:
            assert batch == (None if self.is_closed else [])
            return
        assert batch
        self.check_batch(batch, alive, limit)
        self.model.taken += batch
        self.model.inside = [one for one in alive if one not in batch]

    def check_batch(self, batch: list[QueuedRequest[int]], alive: list[QueuedRequest[int]], limit: int) -> None:
        fitting = [one for one in alive if one.shape == batch[0].shape]
        assert all(one in fitting for one in batch), "a batch has one shape"
        room = limit - rows(batch)
        assert room >= 0, "a batch has no more rows than its limit"
        heads = [of(priority, alive)[0] for priority in PRIORITIES if of(priority, alive)]
        assert any(head in batch for head in heads), "the oldest request of some priority goes first"
        for priority in PRIORITIES:
            mine = of(priority, batch)
            assert mine == of(priority, fitting)[: len(mine)], "first in, first out"
            assert rows(of(priority, fitting)[len(mine) :][:1]) > room or mine == of(priority, fitting), "all that fit"
            is_skipped = bool(of(priority, alive)) and of(priority, alive)[0] not in batch
            self.passed_over[priority] = self.passed_over[priority] + 1 if is_skipped else 0
        assert self.passed_over["batch"] <= INTERACTIVE_BATCHES_PER_TURN
        assert self.passed_over["interactive"] <= 1

    @precondition(lambda self: self.model.inside)
    @rule(data=st.data())
    def discard_queued_request(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.model.inside))
        assert self.queue.discard(one)
        self.model.inside.remove(one)

    @precondition(lambda self: self.model.taken)
    @rule(data=st.data())
    def discard_taken_request(self, data: st.DataObject) -> None:
        assert not self.queue.discard(data.draw(st.sampled_from(self.model.taken)))

    @rule()
    def drain(self) -> None:
        assert sorted(one.number for one in self.queue.drain()) == [one.number for one in self.model.inside]
        self.model.inside = []

    @rule()
    def close(self) -> None:
        self.queue.close()
        self.is_closed = True

    @invariant()
    def depth_counts_queued_requests(self) -> None:
        for priority in PRIORITIES:
            alive = len(of(priority, self.model.alive(self.clock.now)))
            assert alive <= self.queue.depth(priority) <= len(of(priority, self.model.inside))

    @invariant()
    def oldest_is_a_queued_request(self) -> None:
        ages = [self.clock.now - one.since for one in self.model.inside]
        living = [self.clock.now - one.since for one in self.model.alive(self.clock.now)]
        assert max(living, default=0.0) <= self.queue.oldest_seconds() <= max(ages, default=0.0)

    def teardown(self) -> None:
        self.close()
        while self.model.alive(self.clock.now):
            self.take(MOST_ROWS)
        assert self.queue.take(1) is None
        numbers = [one.number for one in self.model.taken]
        assert len(numbers) == len(set(numbers)), "no request is taken twice"


QueueMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnySequenceOfCallsKeepsTheGuarantees = QueueMachine.TestCase


def queue_with(*requests: QueuedRequest[int], limit: int = 100) -> RequestQueue[int]:
    queue: RequestQueue[int] = RequestQueue("queue", limit)
    for one in requests:
        queue.put(one)
    return queue


def test_interactive_work_goes_before_batch_work_that_came_earlier() -> None:
    queue = queue_with(QueuedRequest(1, SMALL, "batch"), QueuedRequest(2, SMALL, "interactive"))

    assert [one.work for one in queue.take(1) or []] == [2]


def test_batch_work_gets_its_turn_after_bounded_interactive_batches() -> None:
    queue = queue_with(
        QueuedRequest(-1, LARGE, "batch"),
        *(QueuedRequest(number, SMALL) for number in range(3 * INTERACTIVE_BATCHES_PER_TURN)),
    )
    order = [one.work for _ in range(3 * INTERACTIVE_BATCHES_PER_TURN) for one in queue.take(1) or []]

    assert order.index(-1) == INTERACTIVE_BATCHES_PER_TURN


def test_a_batch_with_room_takes_work_of_the_other_priority() -> None:
    queue = queue_with(
        QueuedRequest(1, SMALL, "batch"), QueuedRequest(2, LARGE, "batch"), QueuedRequest(3, SMALL, "interactive")
    )

    assert [one.work for one in queue.take(8) or []] == [3, 1]


def test_a_batch_ends_before_a_request_that_does_not_fit() -> None:
    queue = queue_with(*(QueuedRequest(number, SMALL, rows=rows) for number, rows in enumerate((2, 1, 3, 1))))
    batches = [[one.work for one in queue.take(4, wait=False) or []] for _ in range(3)]

    assert batches == [[0, 1], [2, 3], []]


def test_rows_of_the_other_priority_join_only_as_far_as_they_fit() -> None:
    queue = queue_with(
        QueuedRequest(1, SMALL, rows=3),
        QueuedRequest(2, SMALL, "batch", rows=2),
        QueuedRequest(3, SMALL, "batch", rows=2),
    )

    assert [one.work for one in queue.take(5) or []] == [1, 2]


def test_a_request_as_large_as_the_limit_goes_alone() -> None:
    queue = queue_with(QueuedRequest(1, SMALL, rows=4), QueuedRequest(2, SMALL), QueuedRequest(3, SMALL, "batch"))

    assert [one.work for one in queue.take(4) or []] == [1]


def test_the_queue_is_bounded_by_requests_not_rows() -> None:
    queue = queue_with(QueuedRequest(1, SMALL, rows=100), QueuedRequest(2, SMALL, rows=100), limit=2)

    assert queue.depth("interactive") == 2


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_flood_of_one_priority_leaves_room_for_the_other(priority: Priority) -> None:
    queue = queue_with(*(QueuedRequest(number, SMALL, priority) for number in range(2)), limit=2)
    other: Priority = "batch" if priority == "interactive" else "interactive"
    queue.put(QueuedRequest(3, SMALL, other))

    with pytest.raises(Overloaded, match=priority):
        queue.put(QueuedRequest(4, SMALL, priority))


def test_overloaded_carries_the_retry_time() -> None:
    queue = queue_with(QueuedRequest(1, SMALL), limit=1)

    with pytest.raises(Overloaded) as refusal:
        queue.put(QueuedRequest(2, SMALL), retry_seconds=7.0)
    assert refusal.value.retry_seconds == 7.0


@pytest.mark.parametrize("late", [0.0, 5.0])
def test_a_request_at_or_past_its_deadline_is_never_taken(late: float) -> None:
    clock = Clock()
    queue: RequestQueue[int] = RequestQueue("queue", 10, clock=clock)
    queue.put(QueuedRequest(1, SMALL, deadline=clock.now + 1))
    clock.now += 1 + late

    assert queue.take(1, wait=False) == []
    assert queue.depth("interactive") == 0


def test_oldest_seconds_is_the_age_of_the_oldest_request_or_zero() -> None:
    clock = Clock()
    queue: RequestQueue[int] = RequestQueue("queue", 10, clock=clock)
    ages = [queue.oldest_seconds()]
    queue.put(QueuedRequest(1, SMALL, "batch", since=clock.now))
    clock.now += 3
    queue.put(QueuedRequest(2, SMALL, "interactive", since=clock.now))
    ages.append(queue.oldest_seconds())

    assert ages == [0.0, 3.0]


@pytest.mark.parametrize("takers", [1, 3])
def test_blocked_takers_are_woken_by_work_and_by_close(takers: int) -> None:
    queue: RequestQueue[int] = RequestQueue("queue", 100)
    taken: list[int] = []

    def serve() -> None:
        while (batch := queue.take(1)) is not None:
            taken.extend(one.work for one in batch)

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(takers)]
    for thread in threads:
        thread.start()
    for number in range(50):
        queue.put(QueuedRequest(number, SMALL))
    queue.close()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(taken) == list(range(50))
    assert [thread.is_alive() for thread in threads] == [False] * takers
