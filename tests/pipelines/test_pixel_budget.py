"""The budget of memory for pixels: charged, waited for in order, refused in time, and given back exactly once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from models.errors import Overloaded
from pipelines.pixel_budget import MAX_WAITING, SMALL_PARTS, SMALL_ROOM_PARTS, PixelBudget, PixelCharge

LIMIT = 6400
LARGE_ROOM = LIMIT - LIMIT // SMALL_ROOM_PARTS  # 5600
SMALL = LIMIT // SMALL_PARTS  # the largest of the small ones: 100
FOREVER = 3600.0


@asynccontextmanager
async def holding(budget: PixelBudget, cost: int, *, is_patient: bool = False) -> AsyncIterator[PixelCharge]:
    charge = await budget.take(cost, is_patient=is_patient)
    try:
        yield charge
    finally:
        budget.give_back(charge)


class Scene:
    """Who has room, in the order in which they got it."""

    def __init__(self, wait_seconds: float) -> None:
        self.budget, self.inside = PixelBudget(LIMIT, wait_seconds=wait_seconds), list[str]()
        self.doors: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, cost: int) -> None:
        await self._come(name, self._hold(name, cost))

    async def read_page(self, name: str, cost: int) -> None:
        await self._come(name, self._hold_page(name, cost))

    async def leave(self, name: str) -> None:
        self.doors[name].set()
        await self._settle()

    async def give_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await self._settle()

    async def end(self) -> None:
        """Everybody leaves, or gives up."""
        for name, task in self._tasks.items():
            self.doors[name].set()
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _come(self, name: str, visit: Awaitable[None]) -> None:
        self.doors[name] = asyncio.Event()
        self._tasks[name] = asyncio.ensure_future(visit)
        await self._settle()

    async def _hold(self, name: str, cost: int) -> None:
        async with holding(self.budget, cost):
            await self._stay(name)

    async def _hold_page(self, name: str, cost: int) -> None:
        async with self.budget.charge_page(cost):
            await self._stay(name)

    async def _stay(self, name: str) -> None:
        self.inside.append(name)
        try:
            await self.doors[name].wait()
        finally:
            self.inside.remove(name)

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


def played(play: Callable[[Scene], Awaitable[None]], wait_seconds: float = FOREVER) -> list[str]:
    """Who has room after `play`; checks that all of it comes back in the end."""

    async def run() -> list[str]:
        scene = Scene(wait_seconds)
        await play(scene)
        inside = list(scene.inside)
        await scene.end()
        assert (scene.budget.used_bytes, scene.budget.waiting) == (0, 0)
        return inside

    return asyncio.run(run())


def test_pictures_have_room_up_to_the_limit() -> None:
    async def play(scene: Scene) -> None:
        for name in ("a", "b", "c"):
            await scene.come(name, LARGE_ROOM // 2)

    assert played(play) == ["a", "b"]


def test_the_next_in_line_gets_the_room_that_is_left() -> None:
    async def play(scene: Scene) -> None:
        for name in ("a", "b", "c"):
            await scene.come(name, LARGE_ROOM // 2)
        await scene.leave("a")

    assert played(play) == ["b", "c"]


def test_a_picture_that_fits_does_not_overtake_one_that_does_not() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("a", LARGE_ROOM // 2)
        await scene.come("huge", LARGE_ROOM)
        await scene.come("b", LARGE_ROOM // 4)

    assert played(play) == ["a"]


def test_a_picture_over_the_limit_is_let_in_alone() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("over the limit", 10 * LIMIT)
        await scene.come("b", LARGE_ROOM // 4)

    assert played(play) == ["over the limit"]


def test_small_pictures_have_room_beside_huge_ones() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("huge", LIMIT)
        await scene.come("huge, too", LIMIT)
        await scene.come("small", SMALL)

    assert played(play) == ["huge", "small"]


def test_many_small_pictures_wait_as_well() -> None:
    async def play(scene: Scene) -> None:
        for number in range(20):
            await scene.come(str(number), SMALL)

    assert len(played(play)) == LIMIT // SMALL_ROOM_PARTS // SMALL


def test_what_is_no_picture_never_waits() -> None:
    async def play(scene: Scene) -> None:
        for name in ("huge", "huge, too"):
            await scene.come(name, LIMIT)
        await scene.come("nothing to decode", 0)

    assert played(play) == ["huge", "nothing to decode"]


def test_a_page_goes_before_requests_that_came_first() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("document", LARGE_ROOM // 2)
        await scene.come("waiting", LARGE_ROOM)
        await scene.read_page("page", LARGE_ROOM // 2)

    assert played(play) == ["document", "page"]


def test_documents_that_hold_all_room_still_get_pages_one_at_a_time() -> None:
    async def play(scene: Scene) -> None:
        for name in ("one", "two"):
            await scene.come(name, LARGE_ROOM // 2)
        for name in ("page of one", "page of two"):
            await scene.read_page(name, LARGE_ROOM)
        await scene.leave("page of one")

    assert played(play) == ["one", "two", "page of two"]


def test_a_cancelled_request_gives_back_its_room() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("a", LARGE_ROOM)
        await scene.come("b", LARGE_ROOM)
        await scene.give_up("a")

    assert played(play) == ["b"]


def test_one_that_gives_up_waiting_makes_way() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("a", LARGE_ROOM // 2)
        await scene.come("huge", LARGE_ROOM)
        await scene.come("b", LARGE_ROOM // 2)
        await scene.give_up("huge")

    assert played(play) == ["a", "b"]


def test_one_cancelled_in_the_moment_of_its_turn_gives_back_its_room() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("a", LARGE_ROOM)
        await scene.come("b", LARGE_ROOM)
        scene.doors["a"].set()
        await asyncio.sleep(0)
        while scene.budget.waiting:  # b has its turn, and has not noticed yet
            await asyncio.sleep(0)
        await scene.give_up("b")
        await scene.come("c", LARGE_ROOM)

    assert played(play) == ["c"]


def test_a_shrunk_charge_makes_room() -> None:
    async def scene() -> int:
        budget = PixelBudget(LIMIT, wait_seconds=FOREVER)
        async with holding(budget, LARGE_ROOM) as charge:
            budget.shrink(charge, 1000)
            async with holding(budget, LARGE_ROOM - 1000):
                assert budget.used_bytes == LARGE_ROOM
        return budget.used_bytes

    assert asyncio.run(scene()) == 0


def test_a_charge_never_grows() -> None:
    async def scene() -> int:
        budget = PixelBudget(LIMIT, wait_seconds=FOREVER)
        async with holding(budget, 1000) as charge:
            budget.shrink(charge, 2000)
            return budget.used_bytes

    assert asyncio.run(scene()) == 1000


def test_who_waits_too_long_is_refused_and_told_when_to_try_again() -> None:
    async def scene() -> float:
        budget = PixelBudget(LIMIT, wait_seconds=0)
        async with holding(budget, LIMIT):
            with pytest.raises(Overloaded, match="the memory for pixels") as refused:
                async with holding(budget, LIMIT):
                    raise AssertionError("there is no room")
        assert budget.used_bytes == 0
        return refused.value.retry_seconds

    assert asyncio.run(scene()) >= 1


def test_the_patient_wait_without_limit() -> None:
    async def scene() -> list[int]:
        budget = PixelBudget(LIMIT, wait_seconds=0)

        async def wait() -> int:
            async with holding(budget, LIMIT, is_patient=True):
                return budget.used_bytes

        async with holding(budget, LIMIT):
            waiting = [asyncio.create_task(wait()) for _ in range(2)]
            await asyncio.sleep(0.01)
        return await asyncio.gather(*waiting)

    assert asyncio.run(scene()) == [LARGE_ROOM, LARGE_ROOM]


def test_the_line_is_bounded() -> None:
    async def scene() -> int:
        budget = PixelBudget(LIMIT, wait_seconds=FOREVER)

        async def come() -> None:
            async with holding(budget, LIMIT):
                await asyncio.Event().wait()

        tasks = [asyncio.create_task(come()) for _ in range(MAX_WAITING + 3)]
        _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert budget.used_bytes == 0
        return sum(isinstance(one, Overloaded) for one in outcomes)

    assert asyncio.run(scene()) == 2
