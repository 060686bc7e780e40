"""The waiting line against a plain list that keeps the same promises."""

import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.errors import Overloaded
from models.priority import PRIORITIES, Priority
from models.runtime.request_queue import PATIENCE, RequestQueue, Waiting

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
class Book:
    """Who is in the line, in order of arrival, and who has left it, and how."""

    inside: list[Waiting[int]] = field(default_factory=list)
    taken: list[Waiting[int]] = field(default_factory=list)

    def alive(self, now: float) -> list[Waiting[int]]:
        return [one for one in self.inside if one.deadline is None or one.deadline > now]


def of(priority: Priority, line: list[Waiting[int]]) -> list[Waiting[int]]:
    return [one for one in line if one.priority == priority]


def rows(line: list[Waiting[int]]) -> int:
    return sum(one.rows for one in line)


class LineMachine(RuleBasedStateMachine):
    """Any sequence of puts, takes, discards and drains while time goes by."""

    LIMIT = 5

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.line: RequestQueue[int] = RequestQueue("line", self.LIMIT, clock=self.clock)
        self.book = Book()
        self.arrived = 0
        self.is_closed = False
        self.passed_over = dict.fromkeys(PRIORITIES, 0)

    @rule(priority=priorities, shape=shapes, lives=st.none() | st.integers(0, 3), rows=st.integers(1, MOST_ROWS))
    def put(self, priority: Priority, shape: Shape, lives: int | None, rows: int) -> None:
        deadline = None if lives is None else self.clock.now + lives
        one = Waiting(self.arrived, shape, priority, deadline, rows, since=self.clock.now)
        held, alive = of(priority, self.book.inside), of(priority, self.book.alive(self.clock.now))
        try:
            self.line.put(one)
        except Overloaded:
            assert self.is_closed or len(held) >= self.LIMIT
        else:
            assert not self.is_closed
            assert len(alive) < self.LIMIT
            self.book.inside.append(one)
            self.arrived += 1

    @rule(seconds=st.integers(1, 2))
    def time_goes_by(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(limit=st.integers(MOST_ROWS, 6))
    def take(self, limit: int) -> None:
        alive = self.book.alive(self.clock.now)
        batch = self.line.take(limit, wait=False)
        self.book.inside = alive  # those past their deadline have left, unseen
        if not alive:
            assert batch == (None if self.is_closed else [])
            return
        assert batch
        self.check_batch(batch, alive, limit)
        self.book.taken += batch
        self.book.inside = [one for one in alive if one not in batch]

    def check_batch(self, batch: list[Waiting[int]], alive: list[Waiting[int]], limit: int) -> None:
        fitting = [one for one in alive if one.shape == batch[0].shape]
        assert all(one in fitting for one in batch), "a batch has one shape"
        room = limit - rows(batch)
        assert room >= 0, "a batch has no more rows than its limit"
        heads = [of(priority, alive)[0] for priority in PRIORITIES if of(priority, alive)]
        assert any(head in batch for head in heads), "whoever has waited longest in some priority goes first"
        for priority in PRIORITIES:
            mine = of(priority, batch)
            assert mine == of(priority, fitting)[: len(mine)], "first in, first out"
            assert rows(of(priority, fitting)[len(mine) :][:1]) > room or mine == of(priority, fitting), "all that fit"
            is_skipped = bool(of(priority, alive)) and of(priority, alive)[0] not in batch
            self.passed_over[priority] = self.passed_over[priority] + 1 if is_skipped else 0
        assert self.passed_over["batch"] <= PATIENCE
        assert self.passed_over["interactive"] <= 1

    @precondition(lambda self: self.book.inside)
    @rule(data=st.data())
    def discard_someone_inside(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.book.inside))
        assert self.line.discard(one)
        self.book.inside.remove(one)

    @precondition(lambda self: self.book.taken)
    @rule(data=st.data())
    def discard_someone_taken(self, data: st.DataObject) -> None:
        assert not self.line.discard(data.draw(st.sampled_from(self.book.taken)))

    @rule()
    def drain(self) -> None:
        assert sorted(one.number for one in self.line.drain()) == [one.number for one in self.book.inside]
        self.book.inside = []

    @rule()
    def close(self) -> None:
        self.line.close()
        self.is_closed = True

    @invariant()
    def depth_counts_those_inside(self) -> None:
        for priority in PRIORITIES:
            alive = len(of(priority, self.book.alive(self.clock.now)))
            assert alive <= self.line.depth(priority) <= len(of(priority, self.book.inside))

    @invariant()
    def oldest_is_someone_inside(self) -> None:
        ages = [self.clock.now - one.since for one in self.book.inside]
        living = [self.clock.now - one.since for one in self.book.alive(self.clock.now)]
        assert max(living, default=0.0) <= self.line.oldest_seconds() <= max(ages, default=0.0)

    def teardown(self) -> None:
        self.close()
        while self.book.alive(self.clock.now):
            self.take(MOST_ROWS)
        assert self.line.take(1) is None
        numbers = [one.number for one in self.book.taken]
        assert len(numbers) == len(set(numbers)), "nobody is taken twice"


LineMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnySequenceOfCallsKeepsTheLinesPromises = LineMachine.TestCase


def line_with(*waiting: Waiting[int], limit: int = 100) -> RequestQueue[int]:
    line: RequestQueue[int] = RequestQueue("line", limit)
    for one in waiting:
        line.put(one)
    return line


def test_interactive_work_goes_before_batch_work_that_came_earlier() -> None:
    line = line_with(Waiting(1, SMALL, "batch"), Waiting(2, SMALL, "interactive"))

    assert [one.work for one in line.take(1) or []] == [2]


def test_batch_work_has_its_turn_after_a_bounded_number_of_interactive_batches() -> None:
    line = line_with(Waiting(-1, LARGE, "batch"), *(Waiting(number, SMALL) for number in range(3 * PATIENCE)))
    order = [one.work for _ in range(3 * PATIENCE) for one in line.take(1) or []]

    assert order.index(-1) == PATIENCE


def test_a_batch_with_room_left_takes_work_of_the_other_priority_along() -> None:
    line = line_with(Waiting(1, SMALL, "batch"), Waiting(2, LARGE, "batch"), Waiting(3, SMALL, "interactive"))

    assert [one.work for one in line.take(8) or []] == [3, 1]


def test_a_batch_ends_before_the_first_that_has_more_rows_than_are_left() -> None:
    line = line_with(*(Waiting(number, SMALL, rows=rows) for number, rows in enumerate((2, 1, 3, 1))))
    batches = [[one.work for one in line.take(4, wait=False) or []] for _ in range(3)]

    assert batches == [[0, 1], [2, 3], []]


def test_a_batch_with_room_left_takes_rows_of_the_other_priority_only_as_far_as_they_fit() -> None:
    line = line_with(
        Waiting(1, SMALL, rows=3), Waiting(2, SMALL, "batch", rows=2), Waiting(3, SMALL, "batch", rows=2)
    )  # fmt: skip

    assert [one.work for one in line.take(5) or []] == [1, 2]


def test_one_with_as_many_rows_as_the_limit_goes_alone() -> None:
    line = line_with(Waiting(1, SMALL, rows=4), Waiting(2, SMALL), Waiting(3, SMALL, "batch"))

    assert [one.work for one in line.take(4) or []] == [1]


def test_the_line_is_bounded_by_requests_and_not_by_their_rows() -> None:
    line = line_with(Waiting(1, SMALL, rows=100), Waiting(2, SMALL, rows=100), limit=2)

    assert line.depth("interactive") == 2


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_flood_of_one_priority_leaves_room_for_the_other(priority: Priority) -> None:
    line = line_with(*(Waiting(number, SMALL, priority) for number in range(2)), limit=2)
    other: Priority = "batch" if priority == "interactive" else "interactive"
    line.put(Waiting(3, SMALL, other))

    with pytest.raises(Overloaded, match=priority):
        line.put(Waiting(4, SMALL, priority))


def test_overloaded_carries_when_to_come_back() -> None:
    line = line_with(Waiting(1, SMALL), limit=1)

    with pytest.raises(Overloaded) as refusal:
        line.put(Waiting(2, SMALL), retry_seconds=7.0)
    assert refusal.value.retry_seconds == 7.0


@pytest.mark.parametrize("late", [0.0, 5.0])
def test_a_request_at_or_past_its_deadline_is_never_taken(late: float) -> None:
    clock = Clock()
    line: RequestQueue[int] = RequestQueue("line", 10, clock=clock)
    line.put(Waiting(1, SMALL, deadline=clock.now + 1))
    clock.now += 1 + late

    assert (line.take(1, wait=False), line.depth("interactive")) == ([], 0)


def test_oldest_seconds_is_the_age_of_whoever_waits_longest_and_zero_for_an_empty_line() -> None:
    clock = Clock()
    line: RequestQueue[int] = RequestQueue("line", 10, clock=clock)
    ages = [line.oldest_seconds()]
    line.put(Waiting(1, SMALL, "batch", since=clock.now))
    clock.now += 3
    line.put(Waiting(2, SMALL, "interactive", since=clock.now))
    ages.append(line.oldest_seconds())

    assert ages == [0.0, 3.0]


@pytest.mark.parametrize("takers", [1, 3])
def test_takers_that_block_are_woken_by_work_and_let_go_by_close(takers: int) -> None:
    line: RequestQueue[int] = RequestQueue("line", 100)
    taken: list[int] = []

    def serve() -> None:
        while (batch := line.take(1)) is not None:
            taken.extend(one.work for one in batch)

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(takers)]
    for thread in threads:
        thread.start()
    for number in range(50):
        line.put(Waiting(number, SMALL))
    line.close()
    for thread in threads:
        thread.join(timeout=30)

    assert (sorted(taken), [thread.is_alive() for thread in threads]) == (list(range(50)), [False] * takers)
