"""One subject's drift: the window of what is now, the reference of what is normal, and a capture of the next one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from service.monitoring.quality.distances import Vector, joined, neighbours_joined, psi, rare_joined
from service.monitoring.quality.reference import LEAST, Apart, Capture, Reference, Source
from service.monitoring.quality.signals import Signal
from service.monitoring.quality.subjects import Subject
from service.monitoring.quality.windows import CountsWindow, MomentsWindow

State = Literal["compared", "stale", "capturing", "none"]
STATES: tuple[State, ...] = ("compared", "stale", "capturing", "none")


@dataclass(frozen=True)
class Compared:
    """A signal's window beside its reference, in the same `bins`; no `psi` while either has too few observations."""

    signal: Signal
    observations: int
    psi: float | None = None
    bins: list[list[int]] | None = None
    reference: tuple[int, ...] = ()
    current: tuple[int, ...] = ()


class Tracker:
    def __init__(self, subject: Subject, window: int) -> None:
        self.subject, self.least = subject, window // 2
        self.observations = 0  # since the start
        self.reference: Reference | None = None
        self.capture: Capture | None = None
        self._window = {signal.name: CountsWindow(signal.bins, window) for signal in subject.signals}
        self._moments = MomentsWindow(window) if subject.has_embedding else None

    @property
    def state(self) -> State:
        if self.reference is None:
            return "none" if self.capture is None else "capturing"
        return "compared" if self.reference.fits(self.subject) else "stale"

    def begin(self, wanted: int, source: Source) -> None:
        """Capture a reference from the next `wanted` observations; the old one is compared with until then."""
        self.capture = Capture(self.subject, wanted, source)

    def add(self, values: Mapping[str, int], vector: Vector | None = None) -> None:
        """One observation: `values` are bins by signal, `vector` a projected embedding."""
        self.observations += 1
        for name, bin in values.items():
            self._window[name].add(bin)
        if self._moments is not None and vector is not None:
            self._moments.add(vector)
        if self.capture is not None and not self.capture.is_done:
            self.capture.add(values, vector)

    def compared(self) -> list[Compared]:
        return [self._compared(signal) for signal in self.subject.signals]

    def apart(self) -> Apart | None:
        """None while embeddings cannot be compared, or there are none."""
        if self._moments is None or self.reference is None or self.state != "compared":
            return None
        now, normal = self._moments.moments, self.reference.embedding
        if normal is None or now.count < self.least or normal.count < LEAST:
            return None
        return normal.apart(now)

    def _compared(self, signal: Signal) -> Compared:
        current = self._window[signal.name].counts
        observations = int(current.sum())
        if self.reference is None or self.state != "compared":
            return Compared(signal, observations)
        reference = self.reference.of(signal.name)
        if observations < self.least or reference.sum() < LEAST:
            return Compared(signal, observations)
        bins = rare_joined(reference) if signal.names else neighbours_joined(reference)
        before, now = joined(reference, bins), joined(current, bins)
        return Compared(signal, observations, psi(now, before), bins, tuple(before.tolist()), tuple(now.tolist()))
