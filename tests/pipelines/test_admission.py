"""Who is let in: people always, bulk work as far as there is room, and one at a time beside people."""

import asyncio
from collections.abc import Awaitable, Callable

from models.priority import Priority
from pipelines.admission import Admission


class Scene:
    """Who is inside, in the order in which they came in."""

    def __init__(self, bulk: int) -> None:
        self.admission, self.inside = Admission(bulk), list[str]()
        self._doors: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, priority: Priority) -> None:
        self._doors[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._visit(name, priority))
        await self._settle()

    async def leave(self, name: str) -> None:
        self._doors[name].set()
        await self._settle()

    async def give_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await self._settle()

    async def _visit(self, name: str, priority: Priority) -> None:
        async with self.admission.admit(priority):
            self.inside.append(name)
            try:
                await self._doors[name].wait()
            finally:
                self.inside.remove(name)

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


def played(bulk: int, play: Callable[[Scene], Awaitable[None]]) -> list[str]:
    async def scene() -> list[str]:
        scene = Scene(bulk)
        await play(scene)
        return list(scene.inside)

    return asyncio.run(scene())


def test_bulk_work_comes_in_as_far_as_there_is_room() -> None:
    async def play(scene: Scene) -> None:
        for name in ("b1", "b2", "b3"):
            await scene.come(name, "batch")

    assert played(2, play) == ["b1", "b2"]


def test_people_come_in_however_full_it_is() -> None:
    async def play(scene: Scene) -> None:
        for name in ("b1", "b2"):
            await scene.come(name, "batch")
        for name in ("p1", "p2"):
            await scene.come(name, "interactive")

    assert played(2, play) == ["b1", "b2", "p1", "p2"]


def test_beside_people_bulk_work_goes_on_one_at_a_time() -> None:
    async def play(scene: Scene) -> None:
        for name in ("b1", "b2", "b3", "b4"):
            await scene.come(name, "batch")
        await scene.come("p", "interactive")
        await scene.leave("b1")
        await scene.leave("b2")

    assert played(2, play) == ["p", "b3"]


def test_when_the_last_of_the_people_has_left_there_is_room_again() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("p", "interactive")
        for name in ("b1", "b2", "b3"):
            await scene.come(name, "batch")
        await scene.leave("p")

    assert played(2, play) == ["b1", "b2"]


def test_who_gives_up_waiting_takes_no_place() -> None:
    async def play(scene: Scene) -> None:
        for name in ("b1", "b2", "b3"):
            await scene.come(name, "batch")
        await scene.give_up("b2")
        await scene.leave("b1")

    assert played(1, play) == ["b3"]


def test_whoever_is_cancelled_inside_makes_room() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("b1", "batch")
        await scene.come("b2", "batch")
        await scene.give_up("b1")

    assert played(1, play) == ["b2"]
