"""Admission control: work of batch priority gives way to interactive requests."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.priority import Priority


class Admission:
    """Admits at most `limit` images of batch priority at a time, and only one while an interactive request runs.

    One always goes on, so that heavy traffic slows batch work down without stopping it. Interactive requests never
    wait here.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._batch, self._interactive = limit, 0, 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def admit(self, priority: Priority) -> AsyncIterator[None]:
        if priority == "batch":
            await self._wait_for_turn()
        else:
            self._interactive += 1
        try:
            yield
        finally:
            if priority == "batch":
                self._batch -= 1
            else:
                self._interactive -= 1
            self._admit_waiting()

    async def _wait_for_turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit_waiting()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # admitted in the same moment
                self._batch -= 1
                self._admit_waiting()
            raise

    def _admit_waiting(self) -> None:
        while self._waiting and self._batch < (1 if self._interactive else self._limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self._batch += 1
                turn.set_result(None)
