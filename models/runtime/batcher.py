"""Dynamic batching for one model: many callers, few sessions, no timers.

    infer() ─► RequestQueue ─► worker 0: thread + session ─┐
       ▲                  └─► worker 1: thread + session ─┤
       └────────────── answer (call_soon_threadsafe) ◄────┘

A session worker takes work the moment its session is free, so a lone request never waits for company,
and under load the next batch gathers while the last one runs. A worker never crosses the event loop
between two batches: a loop that is busy with HTTP does not leave the cores idle.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import monotonic
from typing import Self

import numpy as np

from models.arrays import Array
from models.concurrency import gather_or_cancel
from models.errors import DeadlineExceeded, InferenceFailed, TensorRejected
from models.inference import BatchRecord, Inference
from models.priority import PRIORITIES, Priority
from models.runtime.model_info import ModelInfo
from models.runtime.request_queue import QueuedRequest, RequestQueue
from models.runtime.session import Session
from models.runtime.session_worker import BatchPlan, InferenceJob, SessionWorker, stack_items

log = logging.getLogger(__name__)

BatchObserver = Callable[[BatchRecord], None]


class Batcher:
    """Serves all callers of one model. Lives on the event loop that opened it; `infer` must be called there."""

    def __init__(
        self,
        model: str,
        open_session: Callable[[], Session],
        probes: Sequence[Mapping[str, Array]],
        plan: BatchPlan,
        observer: BatchObserver,
        model_info: ModelInfo | None,
    ) -> None:
        self.model, self.plan = model, plan
        self.queue: RequestQueue[InferenceJob] = RequestQueue(model, plan.queue_limit)
        self.last_done = monotonic()
        self.respawns = 0
        self._open_session, self._probes, self._observer = open_session, probes, observer
        self._model_info = model_info
        self._shapes = {self._shape(probe) for probe in probes}
        self._seconds_per_item = 0.0
        self._workers: list[SessionWorker] = []
        self._supervisor: asyncio.Task[None] | None = None
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @classmethod
    async def open(
        cls,
        model: str,
        open_session: Callable[[], Session],
        probes: Sequence[Mapping[str, Array]],
        plan: BatchPlan,
        observer: BatchObserver = lambda record: None,
        model_info: ModelInfo | None = None,
    ) -> Self:
        """Open and warm all session workers at once.

        `probes` are valid items without a batch axis, one per accepted shape; `model_info` goes into each answer.
        """
        batcher = cls(model, open_session, probes, plan, observer, model_info)
        try:
            batcher._workers = await gather_or_cancel(
                *(asyncio.to_thread(batcher._start_worker) for _ in range(plan.workers))
            )
        except BaseException:
            batcher.queue.close()  # ends the workers that did open
            raise
        batcher._supervisor = asyncio.create_task(batcher._supervise(), name=f"supervise {model}")
        return batcher

    async def infer(
        self, inputs: Mapping[str, Array], *, priority: Priority = "interactive", deadline: float | None = None
    ) -> Inference:
        """One item in (no batch axis), its answer out.

        `deadline` is a point of `time.monotonic`, in seconds. Cancelling the caller frees its place
        in the queue. Raises TensorRejected, Overloaded, DeadlineExceeded or InferenceFailed.
        """
        with self._counted_call():
            answer = await self._enqueue_and_wait(stack_items([inputs]), priority, deadline)
        outputs = {name: rows[0] for name, rows in answer.outputs.items()}
        return replace(answer, outputs=outputs, model_info=self._model_info)

    async def infer_many(
        self, inputs: Mapping[str, Array], *, priority: Priority = "interactive", deadline: float | None = None
    ) -> Inference:
        """Any number of items of one shape, at least one, on a leading axis: their answers in the same order.

        They are queued as blocks of at most the plan's `max_batch`, which share batches with everyone else's,
        and cost the event loop a block's work, not an item's. Otherwise as `infer`; one block that fails fails all.
        """
        limit = self.plan.max_batch
        rows = min((len(values) if values.ndim else 0 for values in inputs.values()), default=0)
        if not rows:
            raise TensorRejected(f"{self.model!r} takes at least one item, got none")
        blocks = [
            {name: values[first : first + limit] for name, values in inputs.items()} for first in range(0, rows, limit)
        ]
        with self._counted_call():
            answers: list[Inference] = await gather_or_cancel(
                *(self._enqueue_and_wait(block, priority, deadline) for block in blocks)
            )
        return replace(_join_answers(answers), model_info=self._model_info)

    async def probe(self, *, deadline: float) -> None:
        """Prove progress with a real inference; raises what `infer` raises."""
        await self.infer(self._probes[0], deadline=deadline)

    @property
    def workers(self) -> int:
        return len(self._workers)

    @property
    def busy(self) -> int:
        """How many session workers run a batch now."""
        return sum(worker.busy_since is not None for worker in self._workers)

    async def retire(self, *, grace_seconds: float) -> None:
        """Close once every call has its answer; after `grace_seconds` as `close` does.

        The queue stays open until then: the blocks of one request enter it one after the other.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._idle.wait()
        await self.close(grace_seconds=grace_seconds)

    async def close(self, *, grace_seconds: float) -> None:
        """Serve the queued requests, then stop; what is left after `grace_seconds` gets InferenceFailed."""
        self.queue.close()
        if self._supervisor is not None:
            self._supervisor.cancel()
        end = monotonic() + grace_seconds
        while any(worker.is_alive for worker in self._workers) and monotonic() < end:
            await asyncio.sleep(0.005)
        shut_down = InferenceFailed(f"{self.model!r} was shut down")
        for request in self.queue.drain():
            request.work.finish(shut_down)
        for worker in self._workers:
            if worker.is_alive:
                worker.abandon(shut_down)
        await asyncio.sleep(0)  # lets the answers that are on their way arrive

    @contextmanager
    def _counted_call(self) -> Iterator[None]:
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def _enqueue_and_wait(
        self, inputs: Mapping[str, Array], priority: Priority, deadline: float | None
    ) -> Inference:
        shape = self._check_shape({name: values[0] for name, values in inputs.items()})
        loop = asyncio.get_running_loop()
        job = InferenceJob(inputs, loop, loop.create_future())
        request = QueuedRequest(job, shape, priority, deadline, len(next(iter(inputs.values()))))
        self.queue.put(request, retry_seconds=self._expected_wait())
        try:
            async with asyncio.timeout_at(deadline):
                return await job.answer
        except TimeoutError:
            raise DeadlineExceeded(f"{self.model!r}") from None
        finally:
            self.queue.discard(request)

    def _start_worker(self) -> SessionWorker:
        return SessionWorker(self.model, self.queue, self._open_session, self._probes, self.plan, self._record_batch)

    def _check_shape(self, inputs: Mapping[str, Array]) -> tuple[int, ...]:
        for name, probe in self._probes[0].items():
            if name not in inputs or inputs[name].dtype != probe.dtype:
                found = inputs[name].dtype if name in inputs else "nothing"
                raise TensorRejected(f"{self.model!r} takes {name!r} as {probe.dtype}, got {found}")
        shape = self._shape(inputs)
        if shape not in self._shapes or len(inputs) != len(self._probes[0]):
            raise TensorRejected(f"{self.model!r} takes items of shape {sorted(self._shapes)}, got {shape}")
        return shape

    def _shape(self, inputs: Mapping[str, Array]) -> tuple[int, ...]:
        return tuple(size for name in sorted(inputs) for size in inputs[name].shape)

    def _expected_wait(self) -> float:
        """Seconds until the queued work is done, for Retry-After; between 1 and 60."""
        ahead = sum(self.queue.depth(priority) for priority in PRIORITIES)
        return min(max(1.0, ahead * self._seconds_per_item / max(1, len(self._workers))), 60.0)

    def _record_batch(self, record: BatchRecord) -> None:
        if not record.failed:
            self.last_done = monotonic()
            self._seconds_per_item += 0.1 * (record.run_seconds / record.size - self._seconds_per_item)
        self._observer(record)

    async def _supervise(self) -> None:
        """Replace a worker that died or hangs: a model must never stop answering while health says it is well."""
        while True:
            await asyncio.sleep(min(1.0, self.plan.hang_seconds / 4))
            for index, worker in enumerate(self._workers):
                if not worker.is_alive or worker.is_hung():
                    problem = "hangs" if worker.is_alive else "died"
                    log.error("session worker of %s %s; starting another", self.model, problem)
                    worker.abandon(InferenceFailed(f"{self.model!r}: the session stopped answering"))
                    await self._replace(index)

    async def _replace(self, index: int) -> None:
        try:
            self._workers[index] = await asyncio.to_thread(self._start_worker)
        except Exception as error:  # the file is gone, memory is short: whatever it is, the next round tries again
            log.error("session worker of %s does not start: %s", self.model, error)
        else:
            self.respawns += 1


def _join_answers(answers: Sequence[Inference]) -> Inference:
    if len(answers) == 1:
        return answers[0]
    return Inference(
        {name: np.concatenate([one.outputs[name] for one in answers]) for name in answers[0].outputs},
        max(one.wait_seconds for one in answers),
        sum(one.run_seconds for one in answers),
        max(one.batch_size for one in answers),
    )
