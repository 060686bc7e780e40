"""Inspects a model: its activations on the probe images, compared with its baseline and with those of traffic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from PIL import Image

from models.kernels.activation_probe import ActivationProbe, LayerActivations, merge_activations
from models.kernels.baseline import load_or_create_baseline
from models.kernels.health import KernelHealth, assess_layers
from models.kernels.probe_images import draw_probe_images, probe_size, to_item
from models.manifest import InputContract, Manifest
from models.store.store import Store

Pause = Callable[[], None]  # called between pictures: returns when the next one may be measured, or raises

_SMALLEST_WHOLE = 64  # pixels of the shorter side; smaller nets take parts of pictures: text lines, crops of faces


@dataclass(frozen=True, slots=True, eq=False)
class TrafficActivations:
    """Statistics of pictures from requests; the pictures themselves are not kept."""

    activations: LayerActivations
    pictures: int

    def merge_with(self, other: Self) -> Self:
        merged = merge_activations((self.activations, other.activations))
        return type(self)(merged, self.pictures + other.pictures)


def takes_whole_pictures(manifest: Manifest) -> bool:
    return isinstance(manifest.input, InputContract) and min(probe_size(manifest.input)) >= _SMALLEST_WHOLE


def no_pause() -> None:
    """For an inspection that need not give way to anything."""


def inspect_kernels(
    store: Store, manifest: Manifest, traffic: TrafficActivations | None = None, pause: Pause = no_pause
) -> KernelHealth:
    """Raises KernelsUnavailable, ModelMissing, ModelCorrupt, InferenceFailed and what `pause` raises."""
    probe = ActivationProbe.open(manifest, store.graph(manifest))
    activations = measure_pictures(probe, draw_probe_images(), pause).activations
    baseline = load_or_create_baseline(store, manifest, activations)
    return KernelHealth(
        model=manifest.id,
        version=manifest.version,
        pictures=len(draw_probe_images()),
        traffic=traffic.pictures if traffic else 0,
        looked_at=datetime.now(UTC),
        layers=assess_layers(probe.layers, activations, traffic.activations if traffic else None, baseline),
    )


def measure_pictures(
    probe: ActivationProbe, pictures: Sequence[Image.Image], pause: Pause = no_pause
) -> TrafficActivations:
    """Raises InferenceFailed and what `pause` raises."""
    measured = list[LayerActivations]()
    for picture in pictures:
        pause()
        measured.append(probe.measure(to_item(picture, probe.manifest.input)))
    return TrafficActivations(merge_activations(measured), len(measured))
