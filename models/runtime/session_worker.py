"""A session worker: one thread that drives one session, takes batches from the request queue and answers them.

A failure stays with the request that caused it: a batch that fails is run again request by request, so a bad
request fails alone. When even a known-good probe fails, the session is dead and is replaced.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from time import monotonic

import numpy as np

from models.arrays import Array
from models.errors import InferenceFailed, KernelSightError
from models.inference import BatchRecord, Inference, ReleaseReason
from models.runtime.request_queue import QueuedRequest, RequestQueue
from models.runtime.session import Session
from models.thread_priority import lower_thread_priority

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InferenceJob:
    """A request's tensors with a leading axis of rows, and the future that its caller awaits."""

    inputs: Mapping[str, Array]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Inference]"

    def finish(self, outcome: "InferenceOutcome") -> None:
        """Answer the caller, unless it has left or has an answer; on the event loop only."""
        if self.answer.done():
            return
        if isinstance(outcome, KernelSightError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


InferenceOutcome = Inference | KernelSightError


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """How a model runs on this machine.

    `workers` sessions side by side, each with `threads` threads; batches of at most `max_batch` items,
    padded to powers of two where `pads` (cuDNN plans anew for every shape it has not seen).
    `queue_limit` bounds the queued requests of each priority; a run longer than `hang_seconds` counts as hung. Where
    it `gives_way`, the operating system prefers other threads to its sessions.
    """

    workers: int = 1
    threads: int = 1
    max_batch: int = 1
    pads: bool = False
    queue_limit: int = 256
    hang_seconds: float = 60.0
    gives_way: bool = False

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The sizes to warm: all that can occur where batches are padded, else the two ends."""
        if not self.pads:
            return (1, self.max_batch) if self.max_batch > 1 else (1,)
        return tuple(2**power for power in range((self.max_batch - 1).bit_length() + 1))

    def release_reason(self, size: int) -> ReleaseReason:
        return "full" if size >= self.max_batch else "free"

    def padded_size(self, size: int) -> int:
        return 1 << (size - 1).bit_length() if self.pads else size


class SessionWorker:
    """Opens and warms its session at once (slow: build it off the event loop), then serves until the queue closes.

    All of it happens in the worker's own thread: threads that a backend starts get that thread's priority, and one
    that never comes back from opening keeps nobody waiting.
    """

    def __init__(
        self,
        model: str,
        queue: RequestQueue[InferenceJob],
        open_session: Callable[[], Session],
        probes: Sequence[Mapping[str, Array]],
        plan: BatchPlan,
        on_batch: Callable[[BatchRecord], None],
    ) -> None:
        """`probes` are valid single items, one of each shape that the model is to accept.

        Raises what opening raises, and InferenceFailed where a step of it hangs.
        """
        self.model = model
        self.busy_since: float | None = monotonic()
        self._queue, self._probes, self._plan = queue, probes, plan
        self._open_session, self._on_batch = open_session, on_batch
        self._batch: list[QueuedRequest[InferenceJob]] = []
        self._abandoned = False
        self._session: Session | None = None
        self._warm: Future[None] = Future()
        self._thread = threading.Thread(target=self._open_and_serve, name=f"session worker {model}", daemon=True)
        self._thread.start()
        self._wait_until_warm()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def is_hung(self) -> bool:
        since = self.busy_since
        return since is not None and monotonic() - since > self._plan.hang_seconds

    def abandon(self, error: KernelSightError) -> None:
        """Give up on this worker: its callers get `error` now, and its thread ends when its run returns."""
        self._abandoned = True
        if self._session is not None:
            self._session.stop()
        self._deliver([(request.work, error) for request in self._batch])

    def _wait_until_warm(self) -> None:
        patience = min(1.0, self._plan.hang_seconds / 4)
        while not (done := wait([self._warm], patience).done):
            if self.is_hung():
                hung = InferenceFailed(f"{self.model!r}: its session hangs while it opens or warms up")
                log.error("%s", hung)
                self.abandon(hung)
                raise hung
        done.pop().result()

    def _open_and_serve(self) -> None:
        if self._plan.gives_way:
            lower_thread_priority()
        try:
            self._open_warm_session()
        except BaseException as error:  # raised where the worker was built
            self._warm.set_exception(error)
            return
        self.busy_since = None
        self._warm.set_result(None)
        self._serve()

    def _open_warm_session(self) -> None:
        """Each step counts as a run: one that hangs is noticed."""
        self.busy_since = monotonic()
        self._session = self._open_session()
        for probe in self._probes:
            for size in self._plan.batch_sizes:
                self.busy_since = monotonic()
                self._session.run(stack_items([probe] * size))

    def _serve(self) -> None:
        while not self._abandoned and (batch := self._queue.take(self._plan.max_batch)) is not None:
            self._batch, self.busy_since = batch, monotonic()
            try:
                self._run(batch)
            except Exception:  # a bug, or a session that cannot be reopened: this worker ends
                log.exception("session worker of %s fails", self.model)
                self._deliver(
                    [(request.work, InferenceFailed(f"{self.model!r} has lost its session")) for request in batch]
                )
                return
            finally:
                self.busy_since, self._batch = None, []

    def _run(self, batch: list[QueuedRequest[InferenceJob]]) -> None:
        try:
            self._run_once(batch)
        except InferenceFailed as error:
            if self._abandoned:  # another worker has taken over; the callers of this batch still need an answer
                self._deliver([(request.work, error) for request in batch])
                return
            if len(batch) > 1:
                for request in batch:
                    self._run([request])
            elif self._session_is_dead():
                log.error("session of %s is dead (%s); opening another", self.model, error)
                self._open_warm_session()
                self._retry(batch)
            else:
                self._deliver([(batch[0].work, error)])

    def _retry(self, batch: list[QueuedRequest[InferenceJob]]) -> None:
        try:
            self._run_once(batch)
        except InferenceFailed as error:
            self._deliver([(batch[0].work, error)])

    def _run_once(self, batch: list[QueuedRequest[InferenceJob]]) -> None:
        rows = sum(request.rows for request in batch)
        feeds = join_blocks([request.work.inputs for request in batch], rows=self._plan.padded_size(rows))
        started = monotonic()
        waits = [(request.priority, started - request.since) for request in batch]
        record = partial(BatchRecord, self.model, rows, waits=waits, release_reason=self._plan.release_reason(rows))
        assert self._session is not None  # it is warm
        try:
            outputs = self._session.run(feeds)
        except InferenceFailed:
            self._on_batch(record(run_seconds=monotonic() - started, failed=True))
            raise
        seconds = monotonic() - started
        self._on_batch(record(run_seconds=seconds, failed=False))
        answers: list[tuple[InferenceJob, InferenceOutcome]] = []
        first = 0
        for request, (_, waited) in zip(batch, waits, strict=True):
            own = {name: values[first : first + request.rows] for name, values in outputs.items()}
            answers.append((request.work, Inference(own, waited, seconds, rows)))
            first += request.rows
        self._deliver(answers)

    def _session_is_dead(self) -> bool:
        assert self._session is not None
        try:
            self._session.run(stack_items([self._probes[0]]))
        except InferenceFailed:
            return True
        return False

    def _deliver(self, outcomes: list[tuple[InferenceJob, InferenceOutcome]]) -> None:
        """Hand all answers to the event loop in one hop; a closed loop has no callers left."""
        if outcomes and not outcomes[0][0].loop.is_closed():
            outcomes[0][0].loop.call_soon_threadsafe(_finish_all, outcomes)


def stack_items(items: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Single items to one block of rows; of a single item it is a view, not a copy."""
    if len(items) == 1:
        return {name: value[None] for name, value in items[0].items()}
    return {name: np.stack([item[name] for item in items]) for name in items[0]}


def join_blocks(blocks: Sequence[Mapping[str, Array]], *, rows: int) -> dict[str, Array]:
    """Blocks of rows to one batch of `rows`, its last row repeated where they are fewer; one whole block is no copy."""
    return {name: _join_arrays([block[name] for block in blocks], rows) for name in blocks[0]}


def _join_arrays(arrays: list[Array], rows: int) -> Array:
    missing = rows - sum(len(array) for array in arrays)
    if missing:
        arrays = [*arrays, np.repeat(arrays[-1][-1:], missing, axis=0)]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _finish_all(outcomes: list[tuple[InferenceJob, InferenceOutcome]]) -> None:
    for job, outcome in outcomes:
        job.finish(outcome)
