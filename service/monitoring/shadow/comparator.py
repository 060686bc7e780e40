"""Compares a candidate with the live version on a sample of the traffic, after the caller has its answer.

infer() ─► live version ─► answer ─► caller
                └── tap: a share of them ─► candidate, one session worker, batch priority ─► compare ─► metrics
"""

import asyncio
import logging
from collections.abc import Mapping
from random import random

from models.arrays import Array
from models.errors import KernelSightError
from models.inference import Inference
from models.runtime.loaded_model import LoadedModel
from models.runtime.runtime import Runtime
from pipelines.cpu_pool import CpuPool, at_priority
from service.monitoring.shadow.agreement import compare_versions
from service.monitoring.shadow.metrics import AgreementCounts, ShadowMetrics, ShadowReport

log = logging.getLogger(__name__)

MAX_COMPARISONS = 2  # in flight: their tensors stay in memory
MAX_ITEMS = 8  # of one inference that are compared: a page has hundreds of lines


class ShadowComparator:
    """Runs on the runtime's event loop. Answers to callers neither wait for a comparison nor fail with it."""

    def __init__(self, runtime: Runtime, pool: CpuPool, share: float, metrics: ShadowMetrics) -> None:
        """`share` is the sampled share of the model's inferences."""
        self._runtime, self._pool, self._share, self._metrics = runtime, pool, share, metrics
        self.candidate: LoadedModel | None = None
        self._counts: AgreementCounts | None = None
        self._running: set[asyncio.Task[None]] = set()

    def start(self, candidate: LoadedModel) -> None:
        """Compare the candidate with the live version from now on."""
        self.candidate = candidate
        self._counts = AgreementCounts(candidate.model_info, self._share, self._metrics)
        self._runtime.set_listener(candidate.manifest.id, self._tap)

    def stop(self) -> LoadedModel | None:
        """Stop comparing; returns the candidate, for the caller to retire."""
        candidate, self.candidate, self._counts = self.candidate, None, None
        return candidate

    def report(self) -> ShadowReport | None:
        return self._counts.report() if self._counts else None

    async def close(self) -> None:
        self.stop()
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    def _tap(self, inputs: Mapping[str, Array], answer: Inference) -> None:
        if self.candidate is None or self._counts is None or random() >= self._share:
            return
        if reason := self._skip_reason():
            self._counts.skip(reason)
            return
        task = asyncio.create_task(self._compare(self.candidate, self._counts, inputs, answer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _skip_reason(self) -> str | None:
        if len(self._running) >= MAX_COMPARISONS:
            return "behind"
        if any(model.waiting["interactive"] for model in self._runtime.statuses()):
            return "busy"
        return None

    async def _compare(
        self, candidate: LoadedModel, counts: AgreementCounts, inputs: Mapping[str, Array], answer: Inference
    ) -> None:
        items, live = _leading_items(candidate, inputs, answer)
        try:
            shadow = await candidate.batcher.infer_many(items, priority="batch")
            with at_priority("batch"):
                counts.add(
                    answer, shadow, await self._pool.run(compare_versions, candidate.manifest, live, shadow.outputs)
                )
        except KernelSightError as error:
            log.warning("the shadow version of %s fails: %s", candidate.manifest.id, error)
            counts.skip("failed")
        except Exception:
            log.exception("bug in comparing versions of %s", candidate.manifest.id)


def _leading_items(
    candidate: LoadedModel, inputs: Mapping[str, Array], answer: Inference
) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """The first items of an inference and their outputs, on a leading axis."""
    contract = candidate.manifest.input
    if inputs[contract.name].ndim == len(contract.item_shapes[0]):
        return _add_item_axis(inputs), _add_item_axis(answer.outputs)
    return _first_items(inputs), _first_items(answer.outputs)


def _add_item_axis(item: Mapping[str, Array]) -> dict[str, Array]:
    return {name: values[None] for name, values in item.items()}


def _first_items(items: Mapping[str, Array]) -> dict[str, Array]:
    return {name: values[:MAX_ITEMS] for name, values in items.items()}
