"""Runs golden sets through the live engine, and finds the answers that flipped since the previous run."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic, perf_counter, time

from models.errors import DeadlineExceeded, KernelSightError, Overloaded
from pipelines.engine import Engine
from pipelines.findings import Findings
from pipelines.types import ModelUsed
from service.monitoring.canaries.expected import CANARY_OPTIONS, Expectation, ImageExpectations
from service.monitoring.canaries.golden_set import GoldenImage, GoldenSet, load_golden_sets
from service.monitoring.canaries.result_store import CanaryResultStore
from service.monitoring.canaries.results import CanaryAnswer, CanaryResult, build_result
from service.monitoring.errors import GoldenSetUnknown
from service.settings import Settings

log = logging.getLogger(__name__)

OnResult = Callable[[CanaryResult], None]


class CanaryRunner:
    """Runs one image at a time, at batch priority, and hidden from the engine's observers."""

    def __init__(
        self,
        engine: Engine,
        sets: Sequence[GoldenSet],
        store: CanaryResultStore,
        *,
        seconds: float,
        on_result: OnResult = lambda result: None,
    ) -> None:
        """An image that takes longer than `seconds` is not judged; `on_result` is called with each result."""
        self._engine, self._store, self._seconds, self._on_result = engine, store, seconds, on_result
        self._sets = {one.name: GoldenSet(one.name, tuple(_keep_served(one.images, engine))) for one in sets}
        self._results: dict[str, CanaryResult] = {}
        self._run_lock = asyncio.Lock()

    @property
    def results(self) -> list[CanaryResult]:
        """The last result of each set that has been run."""
        return list(self._results.values())

    async def run(self, only: str | None = None) -> list[CanaryResult]:
        """Run all sets, or one of them. Raises GoldenSetUnknown; a failing image is a wrong answer, not an error."""
        if only is not None and only not in self._sets:
            raise GoldenSetUnknown(only, list(self._sets))
        chosen = list(self._sets.values()) if only is None else [self._sets[only]]
        async with self._run_lock:
            return [await self._run(one) for one in chosen]

    async def _run(self, golden: GoldenSet) -> CanaryResult:
        ran_at, started = time(), perf_counter()
        answers: list[CanaryAnswer] = []
        models: list[ModelUsed] = []
        for image in golden.images:
            found, used = await self._run_image(image)
            answers += found
            models += used
        before = self._results.get(golden.name) or await asyncio.to_thread(self._store.load, golden.name)
        result = build_result(golden.name, answers, models, before, ran_at=ran_at, seconds=perf_counter() - started)
        self._results[golden.name] = result
        await asyncio.to_thread(self._store.save, result)
        _log_result(result)
        self._on_result(result)
        return result

    async def _run_image(self, image: GoldenImage) -> tuple[list[CanaryAnswer], list[ModelUsed]]:
        """Run all pipelines at once; where that fails, run each one alone."""
        expected = image.expected.by_pipeline
        try:
            return await self._run_pipelines(image, expected)
        except (Overloaded, DeadlineExceeded) as busy:
            return [_fail(image, name, busy.code, right=None) for name in expected], []
        except (KernelSightError, OSError) as error:
            if len(expected) == 1:
                return [_fail(image, name, str(error), right=False) for name in expected], []
        answers, models = list[CanaryAnswer](), list[ModelUsed]()
        for name, one in expected.items():
            found, used = await self._run_image(replace(image, expected=ImageExpectations.model_validate({name: one})))
            answers += found
            models += used
        return answers, models

    async def _run_pipelines(
        self, image: GoldenImage, expected: Mapping[str, Expectation]
    ) -> tuple[list[CanaryAnswer], list[ModelUsed]]:
        """Raises what the engine raises, and OSError."""
        findings = await self._engine.run(
            await asyncio.to_thread(image.read),
            {name: CANARY_OPTIONS[name] for name in expected},
            priority="batch",
            deadline=monotonic() + self._seconds,
            observed=False,
        )
        return [_judge(image, name, one, findings) for name, one in expected.items()], findings.models


def _keep_served(images: Iterable[GoldenImage], engine: Engine) -> Iterator[GoldenImage]:
    """The images without the expectations of pipelines that the engine does not have."""
    for image in images:
        served = {name: one for name, one in image.expected.by_pipeline.items() if name in engine.pipelines}
        if served:
            yield replace(image, expected=ImageExpectations.model_validate(served))


def _judge(image: GoldenImage, pipeline: str, expected: Expectation, findings: Findings) -> CanaryAnswer:
    wrong = list(expected.find_mistakes(findings))
    answer = expected.summarise(findings)
    return CanaryAnswer(image=image.name, pipeline=pipeline, right=not wrong, answer=answer, wrong=wrong)


def _fail(image: GoldenImage, pipeline: str, reason: str, *, right: bool | None) -> CanaryAnswer:
    return CanaryAnswer(image=image.name, pipeline=pipeline, right=right, answer="none", wrong=[reason])


def _log_result(result: CanaryResult) -> None:
    for one in result.answers:
        subject = f"canary {result.set}/{one.image}: {one.pipeline}"
        if one.flipped:
            log.warning("%s flipped: %r, before %r", subject, one.answer, one.before)
        elif one.right is False:
            log.warning("%s is wrong: %s", subject, "; ".join(one.wrong))


def build_canary_runner(engine: Engine, settings: Settings, on_result: OnResult = lambda result: None) -> CanaryRunner:
    """Raises GoldenSetInvalid."""
    store = CanaryResultStore(settings.monitoring.canary_answers.expanduser())
    return CanaryRunner(
        engine, load_golden_sets(settings), store, seconds=settings.limits.document_seconds, on_result=on_result
    )
