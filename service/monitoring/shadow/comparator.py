"""A candidate beside the version that answers: compared on a sample of its traffic, off every answer's path.

infer() ─► version that answers ─► answer ─► caller
                    └── tap: a share of them ─► candidate, one lane, bulk work ─► compare ─► metrics
"""

import asyncio
import logging
from collections.abc import Mapping
from random import random

from models.errors import KernelSightError
from models.inference import Inference
from models.runtime.loaded_model import Loaded
from models.runtime.runtime import Runtime
from models.runtime.session import Array
from pipelines.cpu_pool import CpuPool, at_priority
from service.monitoring.shadow.agreement import compare
from service.monitoring.shadow.metrics import ShadowMetrics, ShadowReport, Tally

log = logging.getLogger(__name__)

MOST_AT_ONCE = 2  # comparisons in flight: their tensors stay in memory
MOST_ROWS = 8  # items of one inference that are compared: a page has hundreds of lines


class Shadow:
    """Lives on the runtime's event loop. The caller's answer neither waits for it nor fails by it."""

    def __init__(self, runtime: Runtime, pool: CpuPool, share: float, metrics: ShadowMetrics) -> None:
        """`share` of the model's inferences are compared."""
        self._runtime, self._pool, self._share, self._metrics = runtime, pool, share, metrics
        self.candidate: Loaded | None = None
        self._tally: Tally | None = None
        self._running: set[asyncio.Task[None]] = set()

    def show(self, candidate: Loaded) -> None:
        """Compare it with what answers, from now on."""
        self.candidate = candidate
        self._tally = Tally(candidate.served, self._share, self._metrics)
        self._runtime.tap(candidate.manifest.id, self._tap)

    def hide(self) -> Loaded | None:
        """Compare nothing from now on; returns what was compared, for the caller to retire."""
        before, self.candidate, self._tally = self.candidate, None, None
        return before

    def report(self) -> ShadowReport | None:
        return self._tally.report() if self._tally else None

    async def close(self) -> None:
        self.hide()
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    def _tap(self, inputs: Mapping[str, Array], answer: Inference) -> None:
        if self.candidate is None or self._tally is None or random() >= self._share:
            return
        if reason := self._reason_not_to():
            self._tally.skip(reason)
            return
        task = asyncio.create_task(self._compare(self.candidate, self._tally, inputs, answer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _reason_not_to(self) -> str | None:
        if len(self._running) >= MOST_AT_ONCE:
            return "behind"
        if any(model.waiting["interactive"] for model in self._runtime.standing()):
            return "busy"
        return None

    async def _compare(self, candidate: Loaded, tally: Tally, inputs: Mapping[str, Array], answer: Inference) -> None:
        rows, live = _rows(candidate, inputs, answer)
        try:
            own = await candidate.infer_many(rows, priority="batch", deadline=None)
            with at_priority("batch"):
                tally.add(answer, own, await self._pool.run(compare, candidate.manifest, live, own.outputs))
        except KernelSightError as error:
            log.warning("the second version of %s fails: %s", candidate.manifest.id, error)
            tally.skip("failed")
        except Exception:
            log.exception("bug in comparing versions of %s", candidate.manifest.id)


def _rows(
    candidate: Loaded, inputs: Mapping[str, Array], answer: Inference
) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """The first items of an inference, and what was answered to them, on a leading axis."""
    contract = candidate.manifest.input
    if inputs[contract.name].ndim == len(contract.item_shapes[0]):
        return _stacked(inputs), _stacked(answer.outputs)
    return _first(inputs), _first(answer.outputs)


def _stacked(item: Mapping[str, Array]) -> dict[str, Array]:
    return {name: values[None] for name, values in item.items()}


def _first(rows: Mapping[str, Array]) -> dict[str, Array]:
    return {name: values[:MOST_ROWS] for name, values in rows.items()}
