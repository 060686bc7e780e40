"""Health answers with the last verdict while a check takes long."""

import asyncio
from collections.abc import Awaitable, Callable

from service.http.health_checks import HealthChecks


class Machine:
    """Its checks end when they are told to, with the verdict of that moment."""

    def __init__(self) -> None:
        self.begun = 0
        self._verdicts: asyncio.Queue[str] = asyncio.Queue()

    async def check(self) -> str:
        self.begun += 1
        return await self._verdicts.get()

    async def end_check(self, verdict: str) -> None:
        self._verdicts.put_nowait(verdict)
        await asyncio.sleep(0.01)


def played(play: Callable[[Machine, HealthChecks[str]], Awaitable[object]]) -> object:
    async def scene() -> object:
        machine = Machine()
        checks = HealthChecks(machine.check)
        try:
            return await play(machine, checks)
        finally:
            await checks.close()

    return asyncio.run(scene())


def test_the_first_verdict_is_that_of_a_check() -> None:
    async def play(machine: Machine, checks: HealthChecks[str]) -> str:
        await machine.end_check("ok")
        return await checks.verdict()

    assert played(play) == "ok"


def test_the_last_verdict_holds_while_a_check_runs() -> None:
    async def play(machine: Machine, checks: HealthChecks[str]) -> tuple[list[str], int]:
        await machine.end_check("ok")
        await checks.verdict()
        return [await checks.verdict() for _ in range(3)], machine.begun

    assert played(play) == (["ok", "ok", "ok"], 2)  # one check at a time


def test_the_verdict_of_a_long_check_follows() -> None:
    async def play(machine: Machine, checks: HealthChecks[str]) -> list[str]:
        await machine.end_check("ok")
        await checks.verdict()
        before = await checks.verdict()
        await machine.end_check("stuck")
        return [before, await checks.verdict()]

    assert played(play) == ["ok", "stuck"]
