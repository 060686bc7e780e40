"""A budget of memory for pixels in flight: charged before decoding, given back when the pixels are no longer needed.

request ─► charge ─► decode ─► shrink ─► pipelines ─► given back
             ▲          └─► further pages: each charges for itself, ahead of new requests
             └── no room: wait in order of arrival, at most `wait_seconds`, then Overloaded
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Literal

from models.errors import Overloaded

ChargeKind = Literal["small", "request", "page"]

MAX_WAITING = 64  # requests of a kind; each holds a file of up to 20 MiB
SMALL_PARTS = 64  # a picture of at most this part of the budget is small
SMALL_ROOM_PARTS = 8  # the part that only small pictures use, so that a few huge ones do not keep out everybody

_SMOOTHING = 0.1  # weight of the last request in the mean time that requests hold their pixels
_MAX_RETRY_SECONDS = 60.0


@dataclass(eq=False, slots=True)
class PixelCharge:
    """One picture's share of the budget, in bytes, held since `taken_at` of `time.monotonic`."""

    kind: ChargeKind
    bytes: int
    taken_at: float = 0.0


class PixelBudget:
    """At most `limit_bytes` are charged at once; one picture alone may take all that is not kept for small ones.

    A request holds its charge until it is over, so pages that it reads meanwhile must never wait for other requests:
    where no other page is in memory, a page is let in over the limit. Lives on one event loop.
    """

    def __init__(self, limit_bytes: int, *, wait_seconds: float) -> None:
        self.limit_bytes, self._wait_seconds = limit_bytes, wait_seconds
        self._small_room = limit_bytes // SMALL_ROOM_PARTS
        self._large_room = limit_bytes - self._small_room
        self._used: Counter[ChargeKind] = Counter()  # bytes
        self._pages = 0  # that hold a charge
        self._waiting: dict[ChargeKind, deque[tuple[asyncio.Future[None], PixelCharge]]] = {
            "small": deque(), "page": deque(), "request": deque(),
        }  # fmt: skip
        self._hold_seconds = 0.0  # of a request, on average

    @classmethod
    def unlimited(cls) -> "PixelBudget":
        return cls(2**62, wait_seconds=0)

    @property
    def used_bytes(self) -> int:
        return self._used.total()

    @property
    def waiting(self) -> int:
        """Number of requests and pages that wait for room."""
        return sum(map(len, self._waiting.values()))

    async def take(self, cost: int, *, is_patient: bool = False) -> PixelCharge:
        """Hold `cost` bytes for a request's picture until `give_back`; who `is_patient` waits without limit.

        Raises Overloaded, with the time after which there should be room.
        """
        kind: ChargeKind = "small" if cost <= self.limit_bytes // SMALL_PARTS else "request"
        charge = PixelCharge(kind, min(cost, self._large_room))
        await self._enter_in_time(charge, is_patient=is_patient)
        charge.taken_at = monotonic()
        return charge

    def give_back(self, charge: PixelCharge) -> None:
        """Free what `take` has returned."""
        self._hold_seconds += _SMOOTHING * (monotonic() - charge.taken_at - self._hold_seconds)
        self._release(charge)

    @asynccontextmanager
    async def charge_page(self, cost: int) -> AsyncIterator[None]:
        """Hold `cost` bytes for a further picture of a request that has one already; waits until there is room."""
        charge = PixelCharge("page", cost)
        await self._enter(charge)
        try:
            yield
        finally:
            self._release(charge)

    def shrink(self, charge: PixelCharge, cost: int) -> None:
        """Give back what `charge` holds over `cost` bytes."""
        self._used[charge.kind] -= max(0, charge.bytes - cost)
        charge.bytes = min(charge.bytes, cost)
        self._admit_waiting()

    async def _enter_in_time(self, charge: PixelCharge, *, is_patient: bool) -> None:
        if not self._must_wait(charge):
            self._admit(charge)
            return
        if len(self._waiting[charge.kind]) >= MAX_WAITING and not is_patient:
            raise self._overloaded(charge.kind)
        try:
            async with asyncio.timeout(None if is_patient else self._wait_seconds):
                await self._enter(charge)
        except TimeoutError:
            raise self._overloaded(charge.kind) from None

    async def _enter(self, charge: PixelCharge) -> None:
        turn = asyncio.get_running_loop().create_future()
        waiting = (turn, charge)
        self._waiting[charge.kind].append(waiting)
        self._admit_waiting()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted in the same moment
                self._release(charge)
            else:
                with suppress(ValueError):
                    self._waiting[charge.kind].remove(waiting)
                self._admit_waiting()  # what it kept from its turn may fit
            raise

    def _must_wait(self, charge: PixelCharge) -> bool:
        waiting = self._waiting
        is_behind = waiting["small"] if charge.kind == "small" else waiting["page"] or waiting["request"]
        return charge.bytes > 0 and (bool(is_behind) or not self._fits(charge))

    def _fits(self, charge: PixelCharge) -> bool:
        if charge.kind == "small":
            return self._used["small"] + charge.bytes <= self._small_room
        is_only_page = charge.kind == "page" and not self._pages
        return is_only_page or self._used["request"] + self._used["page"] + charge.bytes <= self._large_room

    def _admit(self, charge: PixelCharge) -> None:
        self._used[charge.kind] += charge.bytes
        self._pages += charge.kind == "page"

    def _release(self, charge: PixelCharge) -> None:
        self._used[charge.kind] -= charge.bytes
        self._pages -= charge.kind == "page"
        self._admit_waiting()

    def _admit_waiting(self) -> None:
        """In order of arrival, pages first: what does not fit holds back all behind it, or it would wait for ever."""
        if not any(self._waiting.values()):
            return
        self._admit_from("small")
        if self._admit_from("page"):
            self._admit_from("request")

    def _admit_from(self, kind: ChargeKind) -> bool:
        """False where the first one does not fit."""
        queue = self._waiting[kind]
        while queue:
            turn, charge = queue[0]
            if not turn.cancelled():
                if not self._fits(charge):
                    return False
                self._admit(charge)
                turn.set_result(None)
            queue.popleft()
        return True

    def _overloaded(self, kind: ChargeKind) -> Overloaded:
        """The bytes ahead, and how fast bytes were given back lately."""
        queue, room = self._waiting[kind], self._small_room if kind == "small" else self._large_room
        ahead = self._used[kind] + sum(charge.bytes for _, charge in queue)
        seconds = min(max(1.0, self._hold_seconds * ahead / max(1, room)), _MAX_RETRY_SECONDS)
        return Overloaded("the memory for pixels", len(queue), ceil(seconds))
