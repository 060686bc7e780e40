"""A look at a model: its activations on the drawn pictures, compared with its profile and with those of traffic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from PIL import Image

from models.kernels.activation_probe import Microscope, Seen, together
from models.kernels.baseline import kept_profile
from models.kernels.health import KernelHealth, layer_healths
from models.kernels.probe_images import drawn, item, size_of
from models.manifest import Manifest
from models.store.store import Store

Pause = Callable[[], None]  # called between pictures: returns when the next one may be looked at, or raises

_SMALLEST_WHOLE = 64  # pixels of the shorter side; nets of less are shown parts of pictures: lines, and crops of faces


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """What is kept of pictures that came in: numbers."""

    seen: Seen
    pictures: int

    def and_of(self, other: Self) -> Self:
        return type(self)(together((self.seen, other.seen)), self.pictures + other.pictures)


def sees_whole_pictures(manifest: Manifest) -> bool:
    return min(size_of(manifest.input)) >= _SMALLEST_WHOLE


def at_once() -> None:
    """The pause of a look that need not wait for anybody."""


def look(store: Store, manifest: Manifest, traffic: Traffic | None = None, pause: Pause = at_once) -> KernelHealth:
    """Raises KernelsUnavailable, ModelMissing, ModelCorrupt, InferenceFailed and what `pause` raises."""
    microscope = Microscope.open(manifest, store.graph(manifest))
    seen = look_at(microscope, drawn(), pause).seen
    profile = kept_profile(store, manifest, seen)
    return KernelHealth(
        model=manifest.id,
        version=manifest.version,
        pictures=len(drawn()),
        traffic=traffic.pictures if traffic else 0,
        looked_at=datetime.now(UTC),
        layers=layer_healths(microscope.layers, seen, traffic.seen if traffic else None, profile),
    )


def look_at(microscope: Microscope, pictures: Sequence[Image.Image], pause: Pause = at_once) -> Traffic:
    """Raises InferenceFailed and what `pause` raises."""
    looks = list[Seen]()
    for picture in pictures:
        pause()
        looks.append(microscope.look(item(picture, microscope.manifest.input)))
    return Traffic(together(looks), len(looks))
