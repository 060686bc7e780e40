"""Runs golden sets through the live engine, remembers what it answered, and tells flips from that."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic, perf_counter, time

from models.errors import DeadlineExceeded, KernelSightError, Overloaded
from pipelines.engine import Engine
from pipelines.findings import Findings
from pipelines.types import ModelUsed
from service.monitoring.canaries.expected import OPTIONS, Expectation, Expected
from service.monitoring.canaries.golden_set import Case, GoldenSet, golden_sets
from service.monitoring.canaries.result_store import Memory
from service.monitoring.canaries.results import CanaryAnswer, CanaryResult, result_of
from service.monitoring.errors import GoldenSetUnknown
from service.settings import Settings

log = logging.getLogger(__name__)

Heard = Callable[[CanaryResult], None]


class Canaries:
    """One image at a time, behind everybody who waits for an answer, and unseen by what observes traffic."""

    def __init__(
        self,
        engine: Engine,
        sets: Sequence[GoldenSet],
        memory: Memory,
        *,
        seconds: float,
        heard: Heard = lambda result: None,
    ) -> None:
        """An image that takes longer than `seconds` is not judged; `heard` is called with each result."""
        self._engine, self._memory, self._seconds, self._heard = engine, memory, seconds, heard
        self._sets = {one.name: GoldenSet(one.name, tuple(_served(one.cases, engine))) for one in sets}
        self._results: dict[str, CanaryResult] = {}
        self._turn = asyncio.Lock()

    @property
    def results(self) -> list[CanaryResult]:
        """The last one of each set that has been run."""
        return list(self._results.values())

    async def run(self, only: str | None = None) -> list[CanaryResult]:
        """All sets, or one of them; raises GoldenSetUnknown. What goes wrong with an image is its answer."""
        if only is not None and only not in self._sets:
            raise GoldenSetUnknown(only, list(self._sets))
        chosen = list(self._sets.values()) if only is None else [self._sets[only]]
        async with self._turn:
            return [await self._run(one) for one in chosen]

    async def _run(self, golden: GoldenSet) -> CanaryResult:
        ran_at, started = time(), perf_counter()
        answers: list[CanaryAnswer] = []
        models: list[ModelUsed] = []
        for case in golden.cases:
            found, used = await self._look(case)
            answers += found
            models += used
        before = self._results.get(golden.name) or await asyncio.to_thread(self._memory.last, golden.name)
        result = result_of(golden.name, answers, models, before, ran_at=ran_at, seconds=perf_counter() - started)
        self._results[golden.name] = result
        await asyncio.to_thread(self._memory.keep, result)
        _say(result)
        self._heard(result)
        return result

    async def _look(self, case: Case) -> tuple[list[CanaryAnswer], list[ModelUsed]]:
        """What all pipelines answer; where one fails, what each answers alone."""
        expected = case.expected.by_pipeline
        try:
            return await self._ask(case, expected)
        except (Overloaded, DeadlineExceeded) as busy:
            return [_failed(case, name, busy.code, right=None) for name in expected], []
        except (KernelSightError, OSError) as error:
            if len(expected) == 1:
                return [_failed(case, name, str(error), right=False) for name in expected], []
        answers, models = list[CanaryAnswer](), list[ModelUsed]()
        for name, one in expected.items():
            found, used = await self._look(replace(case, expected=Expected.model_validate({name: one})))
            answers += found
            models += used
        return answers, models

    async def _ask(self, case: Case, expected: Mapping[str, Expectation]) -> tuple[list[CanaryAnswer], list[ModelUsed]]:
        """Raises what the engine does, and OSError."""
        findings = await self._engine.run(
            await asyncio.to_thread(case.read),
            {name: OPTIONS[name] for name in expected},
            priority="batch",
            deadline=monotonic() + self._seconds,
            observed=False,
        )
        return [_judged(case, name, one, findings) for name, one in expected.items()], findings.models


def _served(cases: Iterable[Case], engine: Engine) -> Iterator[Case]:
    """What is asked of pipelines that are here."""
    for case in cases:
        here = {name: one for name, one in case.expected.by_pipeline.items() if name in engine.pipelines}
        if here:
            yield replace(case, expected=Expected.model_validate(here))


def _judged(case: Case, pipeline: str, expected: Expectation, findings: Findings) -> CanaryAnswer:
    wrong = list(expected.wrong(findings))
    answer = expected.answer(findings)
    return CanaryAnswer(image=case.image, pipeline=pipeline, right=not wrong, answer=answer, wrong=wrong)


def _failed(case: Case, pipeline: str, why: str, *, right: bool | None) -> CanaryAnswer:
    return CanaryAnswer(image=case.image, pipeline=pipeline, right=right, answer="none", wrong=[why])


def _say(result: CanaryResult) -> None:
    for one in result.answers:
        where = f"canary {result.set}/{one.image}: {one.pipeline}"
        if one.flipped:
            log.warning("%s flipped: %r, before %r", where, one.answer, one.before)
        elif one.right is False:
            log.warning("%s is wrong: %s", where, "; ".join(one.wrong))


def canaries_of(
    engine: Engine, settings: Settings, heard: Callable[[CanaryResult], None] = lambda result: None
) -> Canaries:
    """Raises GoldenSetInvalid."""
    memory = Memory(settings.canary_answers.expanduser())
    return Canaries(engine, golden_sets(settings), memory, seconds=settings.document_seconds, heard=heard)
