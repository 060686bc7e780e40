"""Compares two versions of a model on the same items, by the decisions that follow from their outputs.

A classifier (the encoder, a line's orientation, the characters of a line) decides on a class at each of its positions:
the versions agree on an item when all classes are the same. A detector decides at each position whether there is
something: of the positions where either version finds something, both must in a share of at least `SHARED_POSITIONS`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array, softmax
from models.manifest import Manifest

SHARED_POSITIONS = 0.9
DEFAULT_THRESHOLD = 0.5  # for models whose manifest has none

CLASSIFIERS = ("encoder", "text-recognition", "text-orientation")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """Of one item. `delta` is the mean difference of the deciding scores, 0 to 1; 1 where a score is not finite."""

    same: bool
    delta: float


def compare_versions(
    manifest: Manifest, live: Mapping[str, Array], other: Mapping[str, Array]
) -> list[VersionComparison]:
    """One comparison an item; `live` and `other` are outputs for the same items, on a leading axis."""
    one, two = _scores(manifest, live), _scores(manifest, other)
    pairs = zip(one, two, strict=True)
    if manifest.task in CLASSIFIERS:
        return [_unless_not_finite(_compare_classes(a, b), b) for a, b in pairs]
    threshold = manifest.decision.threshold if manifest.decision else None
    return [_unless_not_finite(_compare_positions(a, b, threshold or DEFAULT_THRESHOLD), b) for a, b in pairs]


def _scores(manifest: Manifest, outputs: Mapping[str, Array]) -> Iterator[Floats]:
    """For each item its probabilities: (…, classes) of a classifier, (positions,) of a detector."""
    if manifest.task == "encoder":
        temperature = manifest.decision.temperature if manifest.decision else 1.0
        return iter(softmax(outputs["logits"], temperature=temperature))
    first = outputs["scores" if manifest.task == "objects" else manifest.outputs[0].name]
    if manifest.task in CLASSIFIERS:
        return iter(first)
    if manifest.task == "layout":  # first the scores at each stride, then as many outputs with boxes
        names = [output.name for output in manifest.outputs[: len(manifest.outputs) // 2]]
        return iter(np.concatenate([outputs[name].reshape(len(first), -1) for name in names], axis=1))
    if first.ndim > 1 and first.shape[-1] == 2:  # the probabilities of no and yes
        first = first[..., 1]
    return iter(first.reshape(len(first), -1))


def _compare_classes(one: Floats, two: Floats) -> VersionComparison:
    ours, theirs = one.argmax(-1)[..., None], two.argmax(-1)[..., None]
    difference = np.take_along_axis(one, ours, -1) - np.take_along_axis(two, ours, -1)
    return VersionComparison(bool((ours == theirs).all()), float(np.abs(difference).mean()))


def _compare_positions(one: Floats, two: Floats, threshold: float) -> VersionComparison:
    ours, theirs = one >= threshold, two >= threshold
    either = ours | theirs
    if not either.any():
        return VersionComparison(True, float(abs(one.max() - two.max())))
    shared = np.count_nonzero(ours & theirs) / np.count_nonzero(either)
    return VersionComparison(bool(shared >= SHARED_POSITIONS), float(np.abs(one[either] - two[either]).mean()))


def _unless_not_finite(comparison: VersionComparison, scores: Floats) -> VersionComparison:
    return comparison if np.isfinite(scores).all() else VersionComparison(False, 1.0)
