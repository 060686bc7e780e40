"""What drifts by itself: the pictures, and each model whose scores are watched."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.components import Components
from service.monitoring.quality import signals
from service.monitoring.quality.signals import Signal
from service.pipeline_factory import used_of

IMAGES = "images"


@dataclass(frozen=True)
class Subject:
    """`fingerprint` changes with anything that makes its numbers incomparable: the graphs that ran."""

    name: str
    fingerprint: str
    signals: tuple[Signal, ...]
    has_embedding: bool = False


@dataclass(frozen=True)
class Subjects:
    """None for models that no pipeline of this process takes."""

    images: Subject
    encoder: Subject | None = None
    nsfw: Subject | None = None
    faces: Subject | None = None
    text: Subject | None = None
    layout: Subject | None = None

    @classmethod
    def of(cls, components: Components) -> "Subjects":
        groups = signals.groups(components.encoder.labels.groups)
        of_encoder = (signals.CONFIDENCE, signals.ENTROPY, signals.MARGIN, groups)
        reading = ("text-recognition", "text-detection", "text-orientation")  # the first gives it its name
        return cls(
            images=Subject(IMAGES, "", (signals.BRIGHTNESS, signals.SHARPNESS, signals.PIXELS, signals.BYTES)),
            encoder=_subject(components, ("encoder",), of_encoder, has_embedding=True),
            nsfw=_subject(components, ("moderation",), (signals.NSFW,)),
            faces=_subject(components, ("faces",), (signals.FACES, signals.FACE)),
            text=_subject(components, reading, (signals.LINES, signals.OCR)),
            layout=_subject(components, ("layout",), (signals.LAYOUT,)),
        )

    def __iter__(self) -> Iterator[Subject]:
        all_of = (self.images, self.encoder, self.nsfw, self.faces, self.text, self.layout)
        return iter([one for one in all_of if one is not None])


def _subject(
    components: Components, tasks: Sequence[str], of: tuple[Signal, ...], *, has_embedding: bool = False
) -> Subject | None:
    if not set(tasks) <= components.choices.keys():
        return None
    manifests = [manifest for task in tasks for manifest in components.choices[task].models]
    hashes = [used_of(components.store, manifest).sha256 for manifest in manifests]
    fingerprint = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    return Subject(manifests[0].id, fingerprint, of, has_embedding)
