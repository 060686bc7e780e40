"""A lane: one thread that drives one session, takes batches from the waiting line and answers them.

What goes wrong in a batch stays where it belongs: a batch that fails is run again item by item,
so a bad item fails alone; when even a known-good probe fails, the session is dead and is replaced.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Protocol

import numpy as np

from models.errors import InferenceFailed, KernelSightError
from models.inference import BatchRecord, Inference, Release
from models.runtime.request_queue import RequestQueue, Waiting
from models.runtime.session import Array

log = logging.getLogger(__name__)


class Runnable(Protocol):
    """What a lane drives: a `Session`, or a stand-in for it in a test."""

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Job:
    """One request: its tensors with a leading axis of rows, and the future that its caller awaits."""

    inputs: Mapping[str, Array]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Inference]"

    def finish(self, outcome: "Outcome") -> None:
        """Give the caller its answer, unless it left or has one; on the event loop only."""
        if self.answer.done():
            return
        if isinstance(outcome, KernelSightError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


Outcome = Inference | KernelSightError


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model runs on this machine.

    `lanes` sessions side by side, each with `threads` threads; batches of at most `batch` items,
    padded to powers of two where `pads` (cuDNN plans anew for every shape it has not seen).
    `queue` bounds who waits, per priority; a run longer than `hang_seconds` counts as hung.
    """

    lanes: int = 1
    threads: int = 1
    batch: int = 1
    pads: bool = False
    queue: int = 256
    hang_seconds: float = 60.0

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The sizes to warm: all that can occur where batches are padded, else the two ends."""
        if not self.pads:
            return (1, self.batch) if self.batch > 1 else (1,)
        return tuple(2**power for power in range((self.batch - 1).bit_length() + 1))

    def release(self, size: int) -> Release:
        return "full" if size >= self.batch else "free"

    def padded(self, size: int) -> int:
        return 1 << (size - 1).bit_length() if self.pads else size


class SessionWorker:
    """Opens and warms its session at once (slow: build it off the event loop), then serves until the line closes."""

    def __init__(
        self,
        model: str,
        line: RequestQueue[Job],
        open_session: Callable[[], Runnable],
        probes: Sequence[Mapping[str, Array]],
        plan: Plan,
        note: Callable[[BatchRecord], None],
    ) -> None:
        """`probes` are valid single items, one of each shape that the model is to accept."""
        self.model = model
        self.busy_since: float | None = None
        self._line, self._open, self._probes, self._plan, self._note = line, open_session, probes, plan, note
        self._batch: list[Waiting[Job]] = []
        self._abandoned = False
        self._session = self._fresh_session()
        self._thread = threading.Thread(target=self._serve, name=f"lane {model}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def hangs(self) -> bool:
        since = self.busy_since
        return since is not None and monotonic() - since > self._plan.hang_seconds

    def abandon(self, error: KernelSightError) -> None:
        """Give up on this lane: its callers get `error` now, and its thread ends whenever its run returns."""
        self._abandoned = True
        self._session.stop()
        self._deliver([(waiting.work, error) for waiting in self._batch])

    def _fresh_session(self) -> Runnable:
        session = self._open()
        for probe in self._probes:
            for size in self._plan.batch_sizes:
                session.run(stack([probe] * size))
        return session

    def _serve(self) -> None:
        while not self._abandoned and (batch := self._line.take(self._plan.batch)) is not None:
            self._batch, self.busy_since = batch, monotonic()
            try:
                self._run(batch)
            except Exception:  # a bug, or a session that cannot be reopened: this lane ends, its callers know
                log.exception("lane of %s fails", self.model)
                self._deliver(
                    [(waiting.work, InferenceFailed(f"{self.model!r} has lost its session")) for waiting in batch]
                )
                return
            finally:
                self.busy_since, self._batch = None, []

    def _run(self, batch: list[Waiting[Job]]) -> None:
        try:
            self._run_once(batch)
        except InferenceFailed as error:
            if self._abandoned:  # another lane has taken over; callers that this one took last are told, too
                self._deliver([(waiting.work, error) for waiting in batch])
                return
            if len(batch) > 1:
                for waiting in batch:
                    self._run([waiting])
            elif self._session_is_dead():
                log.error("session of %s is dead (%s); opening another", self.model, error)
                self._session = self._fresh_session()
                self._retry(batch)
            else:
                self._deliver([(batch[0].work, error)])

    def _retry(self, batch: list[Waiting[Job]]) -> None:
        try:
            self._run_once(batch)
        except InferenceFailed as error:
            self._deliver([(batch[0].work, error)])

    def _run_once(self, batch: list[Waiting[Job]]) -> None:
        rows = sum(waiting.rows for waiting in batch)
        feeds = join([waiting.work.inputs for waiting in batch], rows=self._plan.padded(rows))
        started = monotonic()
        waits = [(waiting.priority, started - waiting.since) for waiting in batch]
        record = partial(BatchRecord, self.model, rows, waits=waits, release=self._plan.release(rows))
        try:
            outputs = self._session.run(feeds)
        except InferenceFailed:
            self._note(record(run_seconds=monotonic() - started, failed=True))
            raise
        seconds = monotonic() - started
        self._note(record(run_seconds=seconds, failed=False))
        answers: list[tuple[Job, Outcome]] = []
        first = 0
        for waiting, (_, waited) in zip(batch, waits, strict=True):
            own = {name: values[first : first + waiting.rows] for name, values in outputs.items()}
            answers.append((waiting.work, Inference(own, waited, seconds, rows)))
            first += waiting.rows
        self._deliver(answers)

    def _session_is_dead(self) -> bool:
        try:
            self._session.run(stack([self._probes[0]]))
        except InferenceFailed:
            return True
        return False

    def _deliver(self, outcomes: list[tuple[Job, Outcome]]) -> None:
        """Hand all answers to the event loop in one hop; a loop that has closed has nobody left to answer."""
        if outcomes and not outcomes[0][0].loop.is_closed():
            outcomes[0][0].loop.call_soon_threadsafe(_finish_all, outcomes)


def stack(items: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Single items to one block of rows; of a single item it is a view, not a copy."""
    if len(items) == 1:
        return {name: value[None] for name, value in items[0].items()}
    return {name: np.stack([item[name] for item in items]) for name in items[0]}


def join(blocks: Sequence[Mapping[str, Array]], *, rows: int) -> dict[str, Array]:
    """Blocks of rows to one batch of `rows`, its last row repeated where they are fewer; one whole block is no copy."""
    return {name: _joined([block[name] for block in blocks], rows) for name in blocks[0]}


def _joined(parts: list[Array], rows: int) -> Array:
    missing = rows - sum(len(part) for part in parts)
    if missing:
        parts = [*parts, np.repeat(parts[-1][-1:], missing, axis=0)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _finish_all(outcomes: list[tuple[Job, Outcome]]) -> None:
    for job, outcome in outcomes:
        job.finish(outcome)
