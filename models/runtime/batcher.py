"""Dynamic batching for one model: many callers, few sessions, no timers.

    infer() ─► RequestQueue ─► lane 0: thread + session ─┐
       ▲                  └─► lane 1: thread + session ─┤
       └───────────── answer (call_soon_threadsafe) ◄───┘

A lane takes work the moment its session is free, so a lone request never waits for company,
and under load the next batch gathers while the last one runs. A lane never crosses the event
loop between two batches: a loop that is busy with HTTP does not leave the cores idle.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Self

import numpy as np

from models.concurrency import gather_or_cancel
from models.errors import DeadlineExceeded, InferenceFailed, TensorRejected
from models.inference import BatchRecord, Inference
from models.priority import PRIORITIES, Priority
from models.runtime.request_queue import RequestQueue, Waiting
from models.runtime.session import Array
from models.runtime.session_worker import Job, Plan, Runnable, SessionWorker, stack

log = logging.getLogger(__name__)

Observer = Callable[[BatchRecord], None]


class Batcher:
    """All callers of one model. Lives on the event loop that opened it; `infer` must be called there."""

    def __init__(
        self,
        model: str,
        open_session: Callable[[], Runnable],
        probes: Sequence[Mapping[str, Array]],
        plan: Plan,
        observer: Observer,
    ) -> None:
        self.model, self.plan = model, plan
        self._open_session, self._probes, self._observer = open_session, probes, observer
        self._line: RequestQueue[Job] = RequestQueue(model, plan.queue)
        self._shapes = {self._shape(probe) for probe in probes}
        self._seconds_per_item = 0.0
        self._lanes: list[SessionWorker] = []
        self._supervisor: asyncio.Task[None] | None = None
        self.last_done = monotonic()
        self.respawns = 0

    @classmethod
    async def open(
        cls,
        model: str,
        open_session: Callable[[], Runnable],
        probes: Sequence[Mapping[str, Array]],
        plan: Plan,
        observer: Observer = lambda record: None,
    ) -> Self:
        """Open and warm all lanes, at once; `probes` are valid items without a batch axis, one per accepted shape."""
        batcher = cls(model, open_session, probes, plan, observer)
        try:
            batcher._lanes = await gather_or_cancel(*(asyncio.to_thread(batcher._new_lane) for _ in range(plan.lanes)))
        except BaseException:
            batcher._line.close()  # ends the lanes that did open
            raise
        batcher._supervisor = asyncio.create_task(batcher._supervise(), name=f"supervise {model}")
        return batcher

    async def infer(
        self, inputs: Mapping[str, Array], *, priority: Priority = "interactive", deadline: float | None = None
    ) -> Inference:
        """One item in (no batch axis), its answer out.

        `deadline` is a point of `time.monotonic`, in seconds. Cancelling the caller frees its place
        in the line. Raises TensorRejected, Overloaded, DeadlineExceeded or InferenceFailed.
        """
        answer = await self._wait_for(stack([inputs]), priority, deadline)
        return replace(answer, outputs={name: rows[0] for name, rows in answer.outputs.items()})

    async def infer_many(
        self, inputs: Mapping[str, Array], *, priority: Priority = "interactive", deadline: float | None = None
    ) -> Inference:
        """Any number of items of one shape, at least one, on a leading axis: their answers in the same order.

        They wait as blocks of at most the plan's batch, which share batches with everyone else's, and cost
        the event loop a block's work, not an item's. Otherwise as `infer`; one block that fails fails all.
        """
        rows, limit = min((len(values) if values.ndim else 0 for values in inputs.values()), default=0), self.plan.batch
        if not rows:
            raise TensorRejected(f"{self.model!r} takes at least one item, got none")
        blocks = [
            {name: values[first : first + limit] for name, values in inputs.items()} for first in range(0, rows, limit)
        ]
        answers: list[Inference] = await gather_or_cancel(
            *(self._wait_for(block, priority, deadline) for block in blocks)
        )
        if len(answers) == 1:
            return answers[0]
        return Inference(
            {name: np.concatenate([one.outputs[name] for one in answers]) for name in answers[0].outputs},
            max(one.wait_seconds for one in answers),
            sum(one.run_seconds for one in answers),
            max(one.batch_size for one in answers),
        )

    async def _wait_for(self, inputs: Mapping[str, Array], priority: Priority, deadline: float | None) -> Inference:
        shape = self._checked_shape({name: values[0] for name, values in inputs.items()})
        loop = asyncio.get_running_loop()
        job = Job(inputs, loop, loop.create_future())
        waiting = Waiting(job, shape, priority, deadline, len(next(iter(inputs.values()))))
        self._line.put(waiting, retry_seconds=self._expected_wait())
        try:
            async with asyncio.timeout_at(deadline):
                return await job.answer
        except TimeoutError:
            raise DeadlineExceeded(f"{self.model!r}") from None
        finally:
            self._line.discard(waiting)

    async def probe(self, *, deadline: float) -> None:
        """Prove progress with a real inference; raises what `infer` raises."""
        await self.infer(self._probes[0], deadline=deadline)

    def depth(self, priority: Priority) -> int:
        return self._line.depth(priority)

    def oldest_seconds(self) -> float:
        return self._line.oldest_seconds()

    @property
    def lanes(self) -> int:
        return len(self._lanes)

    @property
    def busy(self) -> int:
        """Lanes that run a batch now."""
        return sum(lane.busy_since is not None for lane in self._lanes)

    async def close(self, *, grace_seconds: float) -> None:
        """Serve those who wait, then stop; whoever is left after `grace_seconds` gets InferenceFailed."""
        self._line.close()
        if self._supervisor is not None:
            self._supervisor.cancel()
        end = monotonic() + grace_seconds
        while any(lane.is_alive for lane in self._lanes) and monotonic() < end:
            await asyncio.sleep(0.005)
        gone = InferenceFailed(f"{self.model!r} was shut down")
        for waiting in self._line.drain():
            waiting.work.finish(gone)
        for lane in self._lanes:
            if lane.is_alive:
                lane.abandon(gone)
        await asyncio.sleep(0)  # lets the answers that are on their way arrive

    def _new_lane(self) -> SessionWorker:
        return SessionWorker(self.model, self._line, self._open_session, self._probes, self.plan, self._note)

    def _checked_shape(self, inputs: Mapping[str, Array]) -> tuple[int, ...]:
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
        """Seconds until the work that waits now is done, for Retry-After; between 1 and 60."""
        ahead = sum(self.depth(priority) for priority in PRIORITIES)
        return min(max(1.0, ahead * self._seconds_per_item / max(1, len(self._lanes))), 60.0)

    def _note(self, record: BatchRecord) -> None:
        if not record.failed:
            self.last_done = monotonic()
            self._seconds_per_item += 0.1 * (record.run_seconds / record.size - self._seconds_per_item)
        self._observer(record)

    async def _supervise(self) -> None:
        """Replace a lane that died or hangs: a model must never stop answering while health says it is well."""
        while True:
            await asyncio.sleep(min(1.0, self.plan.hang_seconds / 4))
            for index, lane in enumerate(self._lanes):
                if not lane.is_alive or lane.hangs():
                    log.error("lane of %s %s; starting another", self.model, "hangs" if lane.is_alive else "died")
                    lane.abandon(InferenceFailed(f"{self.model!r}: the session stopped answering"))
                    await self._replace(index)

    async def _replace(self, index: int) -> None:
        try:
            self._lanes[index] = await asyncio.to_thread(self._new_lane)
        except Exception as error:  # the file is gone, memory is short: whatever it is, the next round tries again
            log.error("lane of %s does not start: %s", self.model, error)
        else:
            self.respawns += 1
