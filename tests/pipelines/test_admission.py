"""Batch work and pages are admitted up to a limit, one at a time beside interactive requests, and in turns."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from models.errors import Overloaded
from models.priority import Priority
from pipelines.admission import Admission, AdmittedRequest
from pipelines.pixel_budget import PixelBudget, PixelCharge


class Scene:
    """Who is inside, in the order in which they came in."""

    def __init__(self, bulk: int, linger_seconds: float = 0) -> None:
        self.admission, self.inside = Admission(bulk, linger_seconds=linger_seconds), list[str]()
        self._doors: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, priority: Priority, cost: int = 0) -> None:
        self._doors[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._visit(name, priority, cost))
        await self.settle()

    async def read_page(self, name: str, document: AdmittedRequest) -> None:
        self._doors[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self.stay_in(document.admit_page(0), name))
        await self.settle()

    async def leave(self, name: str) -> None:
        self._doors[name].set()
        await self.settle()

    async def give_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await self.settle()

    async def _visit(self, name: str, priority: Priority, cost: int) -> None:
        await self.stay_in(self.admission.admit(priority, cost), name)

    async def stay_in(self, place: AbstractAsyncContextManager[object], name: str) -> None:
        async with place:
            self.inside.append(name)
            try:
                await self._doors[name].wait()
            finally:
                self.inside.remove(name)

    async def settle(self) -> None:
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


def test_pages_of_documents_take_turns() -> None:
    async def play(scene: Scene) -> None:
        one, other = (AdmittedRequest(scene.admission, None, PixelCharge("small", 0)) for _ in range(2))
        for page in (2, 3, 4):
            await scene.read_page(f"one, {page}", one)
        await scene.read_page("other, 2", other)
        await scene.leave("one, 2")
        await scene.leave("one, 3")

    assert played(1, play) == ["other, 2"]


def test_many_documents_of_one_caller_delay_another_by_a_page() -> None:
    async def play(scene: Scene) -> None:
        for number in range(10):
            document = AdmittedRequest(scene.admission, None, PixelCharge("small", 0), "a")
            await scene.read_page(f"a's document {number}, 2", document)
            await scene.read_page(f"a's document {number}, 3", document)
        other = AdmittedRequest(scene.admission, None, PixelCharge("small", 0), "b")
        await scene.read_page("b's, 2", other)
        await scene.leave("a's document 0, 2")
        await scene.leave("a's document 0, 3")

    assert played(1, play) == ["b's, 2"]


def test_pages_and_batch_requests_take_turns() -> None:
    async def play(scene: Scene) -> None:
        document = AdmittedRequest(scene.admission, None, PixelCharge("small", 0))
        for page in (2, 3, 4):
            await scene.read_page(f"page {page}", document)
        await scene.come("b", "batch")
        await scene.leave("page 2")
        await scene.leave("page 3")

    assert played(1, play) == ["b"]


def test_a_document_that_has_given_way_holds_nobody_back() -> None:
    async def play(scene: Scene) -> None:
        async with scene.admission.admit("interactive") as document:
            for page in (2, 3, 4):
                await scene.read_page(f"page {page}", document)
            document.give_way()
            await scene.settle()

    assert played(2, play) == ["page 2", "page 3"]


def test_pages_go_one_at_a_time_beside_the_first_page() -> None:
    async def play(scene: Scene) -> None:
        await scene.come("document at its first page", "interactive")
        document = AdmittedRequest(scene.admission, None, PixelCharge("small", 0))
        for page in (2, 3):
            await scene.read_page(f"page {page}", document)

    assert played(2, play) == ["document at its first page", "page 2"]


def test_a_batch_document_gives_its_place_to_its_pages() -> None:
    async def play(scene: Scene) -> None:
        async with scene.admission.admit("batch") as document:
            document.give_way()
            await scene.read_page("page 2", document)
            assert scene.inside == ["page 2"]  # or it would wait for itself

    played(1, play)


def test_a_caller_counts_as_there_between_two_requests() -> None:
    async def scene() -> tuple[list[str], list[str]]:
        scene = Scene(2, linger_seconds=0.05)
        await scene.come("p", "interactive")
        for name in ("b1", "b2"):
            await scene.come(name, "batch")
        await scene.leave("p")
        between = list(scene.inside)
        while len(scene.inside) < 2:
            await asyncio.sleep(0.01)
        return between, list(scene.inside)

    assert asyncio.run(scene()) == (["b1"], ["b1", "b2"])


def test_an_interactive_request_without_room_is_refused() -> None:
    async def scene() -> None:
        admission = Admission(2, PixelBudget(1000, wait_seconds=0), linger_seconds=0)
        async with admission.admit("interactive", 1000):
            with pytest.raises(Overloaded):
                async with admission.admit("interactive", 1000):
                    raise AssertionError("there is no room")
        async with admission.admit("interactive", 1000):
            pass

    asyncio.run(scene())


def test_a_batch_request_waits_for_room_without_a_place() -> None:
    async def scene() -> list[str]:
        scene = Scene(1)
        scene.admission.budget = PixelBudget(1000, wait_seconds=0)
        async with scene.admission.admit("interactive", 1000) as document:  # its pages need places
            document.give_way()
            await scene.come("b", "batch", 1000)
            await scene.read_page("page 2", document)
            inside = list(scene.inside)
            await scene.give_up("b")
        return inside

    assert asyncio.run(scene()) == ["page 2"]
