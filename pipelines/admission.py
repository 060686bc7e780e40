"""Admission control: who may start, and who has to give way.

Every request waits for room for its pixels (`pixel_budget`). Work of batch priority, and a document's pages after the
first, also wait for a place, and there are few places beside interactive requests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.priority import Priority
from pipelines.cpu_pool import at_priority
from pipelines.pixel_budget import PixelBudget, PixelCharge
from pipelines.turns import Turns

BATCH = "batch requests"  # of all callers: together, they have the turns of one
LINGER_SECONDS = 0.1  # a caller whose last request was so recent most likely sends the next one


class Admission:
    """Admits at most `limit` images or pages of batch priority at a time, and only one beside interactive requests.

    One always goes on, so that heavy traffic slows batch work down without stopping it. Interactive requests need no
    place. Callers have turns one after the other, and so have the documents of each: ten documents of a hundred pages
    delay another caller's by a page. Requests of batch priority come in turns with callers.

    `linger_seconds` after the last interactive request it counts as there still: most callers send one image after the
    other, and a page takes longer than the pause between them.
    """

    def __init__(
        self, limit: int, budget: PixelBudget | None = None, *, linger_seconds: float = LINGER_SECONDS
    ) -> None:
        """Without `budget`, memory for pixels has no limit."""
        self.budget = budget or PixelBudget.unlimited()
        self._limit, self._linger_seconds = limit, linger_seconds
        self._batch_door = asyncio.Lock()
        self._batch, self._interactive = 0, 0
        self._waiting = Turns[asyncio.Future[None]]()
        self._quiet_from = 0.0  # loop time
        self._alarm: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def admit(self, priority: Priority, cost: int = 0, *, caller: str = "") -> AsyncIterator["AdmittedRequest"]:
        """`cost` is what decoding takes, in bytes; pages have the turns of `caller`.

        Raises Overloaded, if the priority is interactive.
        """
        if priority == "batch":
            charge = await self._enter_in_turn(cost)
        else:
            charge = await self.budget.take(cost)
            self._interactive += 1
        request = AdmittedRequest(self, priority, charge, caller)
        try:
            yield request
        finally:
            request.give_way()
            self.budget.give_back(charge)

    async def _enter_in_turn(self, cost: int) -> PixelCharge:
        """Room before a place: who has a place must never wait for a document, whose pages wait for places.

        One at a time, so that at most one has room and no place.
        """
        async with self._batch_door:
            charge = await self.budget.take(cost, is_patient=True)
            try:
                await self.wait_for_turn(BATCH, BATCH)
            except BaseException:
                self.budget.give_back(charge)
                raise
            return charge

    async def wait_for_turn(self, caller: str, document: object) -> None:
        """Take a place of batch priority; `leave` gives it back."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.put(caller, document, turn)
        self._admit_waiting()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted in the same moment
                self.leave("batch")
            raise

    def leave(self, priority: Priority) -> None:
        if priority == "batch":
            self._batch -= 1
        else:
            self._interactive -= 1
            self._quiet_from = asyncio.get_running_loop().time() + self._linger_seconds
        self._admit_waiting()

    def _places(self) -> int:
        is_quiet = not self._interactive and asyncio.get_running_loop().time() >= self._quiet_from
        return self._limit if is_quiet else 1

    def _admit_waiting(self) -> None:
        while self._waiting and self._batch < self._places():
            turn = self._waiting.take()
            if not turn.done():
                self._batch += 1
                turn.set_result(None)
        if self._waiting and not self._interactive and self._alarm is None:
            loop = asyncio.get_running_loop()
            if loop.time() < self._quiet_from:
                self._alarm = loop.call_at(self._quiet_from, self._admit_after_linger)

    def _admit_after_linger(self) -> None:
        self._alarm = None
        self._admit_waiting()


class AdmittedRequest:
    """A request's place, until it is over or gives way, and its room, until it is over."""

    def __init__(self, admission: Admission, place: Priority | None, charge: PixelCharge, caller: str = "") -> None:
        self._admission, self._place, self._charge, self._caller = admission, place, charge, caller

    @classmethod
    def alone(cls) -> "AdmittedRequest":
        """A request that nobody else competes with."""
        return cls(Admission(limit=1_000, linger_seconds=0), None, PixelCharge("small", 0))

    def shrink(self, cost: int) -> None:
        """Keep no more room than `cost` bytes: the picture is decoded."""
        self._admission.budget.shrink(self._charge, cost)

    def give_way(self) -> None:
        """Leave the place: the rest of the request is pages, which wait for their turns."""
        if self._place is not None:
            place, self._place = self._place, None
            self._admission.leave(place)

    @asynccontextmanager
    async def charge_further(self, cost: int) -> AsyncIterator[None]:
        """Room for a picture beside the request's first."""
        async with self._admission.budget.charge_page(cost):
            yield

    @asynccontextmanager
    async def admit_page(self, cost: int) -> AsyncIterator[None]:
        """Wait for the caller's turn, this document's among its own, and room; what follows has batch priority."""
        await self._admission.wait_for_turn(self._caller, self)
        try:
            with at_priority("batch"):
                async with self.charge_further(cost):
                    yield
        finally:
            self._admission.leave("batch")
