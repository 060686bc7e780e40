"""The subjects of drift: the pictures, the encoder, and the models that pipelines declare as tracked."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.drift import DriftSignal, TrackedModels
from pipelines.registry import PIPELINES
from service.components import Components
from service.monitoring.quality import signals

IMAGES = "images"
IMAGE_SIGNALS = (signals.BRIGHTNESS, signals.SHARPNESS, signals.PIXELS, signals.BYTES, signals.KIND)


@dataclass(frozen=True)
class DriftSubject:
    """`fingerprint` identifies the graphs that ran: numbers of other graphs cannot be compared."""

    name: str
    fingerprint: str
    signals: tuple[DriftSignal, ...]
    has_embedding: bool = False


@dataclass(frozen=True)
class DriftSubjects:
    """Without those whose models no pipeline of this process uses."""

    images: DriftSubject
    encoder: DriftSubject | None = None
    tracked: Mapping[TrackedModels, DriftSubject] = field(default_factory=dict)

    @classmethod
    def from_components(cls, components: Components) -> "DriftSubjects":
        groups = signals.group_signal(components.encoder.labels.groups)
        encoder_signals = (signals.CONFIDENCE, signals.ENTROPY, signals.MARGIN, groups)
        declared = [tracked for spec in PIPELINES.values() for tracked in spec.tracked]
        subjects = {one: _subject(components, one.tasks, one.signals) for one in declared}
        return cls(
            images=DriftSubject(IMAGES, "", IMAGE_SIGNALS),
            encoder=_subject(components, ("encoder",), encoder_signals, has_embedding=True),
            tracked={tracked: subject for tracked, subject in subjects.items() if subject is not None},
        )

    def __iter__(self) -> Iterator[DriftSubject]:
        return iter([self.images, *([self.encoder] if self.encoder else ()), *self.tracked.values()])


def _subject(
    components: Components, tasks: Sequence[str], signals: tuple[DriftSignal, ...], *, has_embedding: bool = False
) -> DriftSubject | None:
    if not set(tasks) <= components.selections.keys():
        return None
    manifests = [manifest for task in tasks for manifest in components.selections[task].manifests]
    hashes = [components.store.graph_sha256(manifest) for manifest in manifests]
    fingerprint = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    return DriftSubject(manifests[0].id, fingerprint, signals, has_embedding)
