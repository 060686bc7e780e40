"""Bulk work gives way to people: whatever keeps every core busy makes those wait longer who wait for an answer."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models.priority import Priority


class Admission:
    """At most `bulk` images of batch priority are being worked on, and only one while somebody waits for an answer.

    One goes on all the time: a busy day slows bulk work down and does not stop it. People are never kept waiting here.
    """

    def __init__(self, bulk: int) -> None:
        self._most, self._bulk, self._people = bulk, 0, 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def admitted(self, priority: Priority) -> AsyncIterator[None]:
        if priority == "batch":
            await self._turn()
        else:
            self._people += 1
        try:
            yield
        finally:
            if priority == "batch":
                self._bulk -= 1
            else:
                self._people -= 1
            self._admit()

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was given its turn in the same moment
                self._bulk -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self._bulk < (1 if self._people else self._most):
            turn = self._waiting.popleft()
            if not turn.done():
                self._bulk += 1
                turn.set_result(None)
