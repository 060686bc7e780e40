"""Interactive requests are always admitted; batch work up to a limit, and one at a time beside interactive requests."""

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


def test_batch_work_is_admitted_up_to_the_limit() -> None:
    async def play(scene: Scene) -> None:
        for name in ("b1", "b2", "b3"):
            await scene.come(name, "batch")

    assert played(2, play) == ["b1", "b2"]


def test_interactive_requests_are_always_admitted() -> None:
    async def play(scene: Scene) -> None:
        for name in ("b1", "b2"):
            await scene.come(name, "batch")
        for name in ("p1", "p2"):
            await scene.come(name, "interactive")

    assert played(2, play) == ["b1", "b2", "p1", "p2"]


def test_batch_work_goes_one_at_a_time_beside_interactive_requests() -> None:
    async def play(scene: Scene) -> None:
        for name in ("b1", "b2", "b3", "b4"):
            await scene.come(name, "batch")
        await scene.come("p", "interactive")
        await scene.leave("b1")
        await scene.leave("b2")

    assert played(2, play) == ["p", "b3"]


def test_the_limit_holds_again_after_the_last_interactive_request() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("p", "interactive")
        for name in ("b1", "b2", "b3"):
            await scene.come(name, "batch")
        await scene.leave("p")

    assert played(2, play) == ["b1", "b2"]


def test_a_cancelled_waiter_takes_no_place() -> None:
    async def play(scene: Scene) -> None:
        for name in ("b1", "b2", "b3"):
            await scene.come(name, "batch")
        await scene.give_up("b2")
        await scene.leave("b1")

    assert played(1, play) == ["b3"]


def test_a_cancelled_run_makes_room() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("b1", "batch")
        await scene.come("b2", "batch")
        await scene.give_up("b1")

    assert played(1, play) == ["b2"]
