"""How far two versions of a model agree on the same items, by what the model's answers decide.

A classifier (the encoder, a line's way up, the characters of a line) decides on a class, at each place that it has
an answer for: the versions agree on an item when the classes are the same everywhere. A detector decides at each of
its places whether there is something: of the places where either version says so, `SHARED` must be those of both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest
from models.runtime.session import Array
from pipelines.captioning.pipeline import softmax

SHARED = 0.9
THRESHOLD = 0.5  # of models whose manifest names none

CLASSIFIERS = ("encoder", "text-recognition", "text-orientation")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Compared:
    """One item. `delta` is the mean difference of the scores that decided, 0 to 1; 1 for what is no number."""

    same: bool
    delta: float


def compare(manifest: Manifest, live: Mapping[str, Array], other: Mapping[str, Array]) -> list[Compared]:
    """Outputs of the same items, on a leading axis, to one result for each of these."""
    one, two = _scores(manifest, live), _scores(manifest, other)
    pairs = zip(one, two, strict=True)
    if manifest.task in CLASSIFIERS:
        return [_finite(_classes(a, b), b) for a, b in pairs]
    threshold = manifest.decision.threshold if manifest.decision else None
    return [_finite(_places(a, b, threshold or THRESHOLD), b) for a, b in pairs]


def _scores(manifest: Manifest, outputs: Mapping[str, Array]) -> Iterator[Floats]:
    """For each item its probabilities: (…, classes) of a classifier, (places,) of a detector."""
    if manifest.task == "encoder":
        temperature = manifest.decision.temperature if manifest.decision else 1.0
        return iter(softmax(outputs["logits"], temperature=temperature))
    first = outputs[manifest.outputs[0].name]
    if manifest.task in CLASSIFIERS:
        return iter(first)
    if manifest.task == "layout":  # the scores at each stride, and behind them as many outputs with boxes
        names = [output.name for output in manifest.outputs[: len(manifest.outputs) // 2]]
        return iter(np.concatenate([outputs[name].reshape(len(first), -1) for name in names], axis=1))
    if first.ndim > 1 and first.shape[-1] == 2:  # of no and of yes
        first = first[..., 1]
    return iter(first.reshape(len(first), -1))


def _classes(one: Floats, two: Floats) -> Compared:
    ours, theirs = one.argmax(-1)[..., None], two.argmax(-1)[..., None]
    apart = np.take_along_axis(one, ours, -1) - np.take_along_axis(two, ours, -1)
    return Compared(bool((ours == theirs).all()), float(np.abs(apart).mean()))


def _places(one: Floats, two: Floats, threshold: float) -> Compared:
    ours, theirs = one >= threshold, two >= threshold
    either = ours | theirs
    if not either.any():
        return Compared(True, float(abs(one.max() - two.max())))
    shared = np.count_nonzero(ours & theirs) / np.count_nonzero(either)
    return Compared(bool(shared >= SHARED), float(np.abs(one[either] - two[either]).mean()))


def _finite(compared: Compared, scores: Floats) -> Compared:
    return compared if np.isfinite(scores).all() else Compared(False, 1.0)
