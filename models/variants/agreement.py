"""Measures how far a variant's outputs are from the reference's, as figures that have limits.

Limits are stated with their reasons in docs/models.md. A figure that cannot be measured is None, and misses: where
neither finds anything, nothing is known.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array, softmax
from models.manifest import Manifest

CUTS = (0.2, 0.4, 0.5, 0.8)  # scores at which policies decide about an image
STATED = 0.3  # an encoder's best class with a lower probability is a guess, in float32 as well
NEAR = 0.1  # positions with a lower score in both are background to a detector

Outputs = Mapping[str, Array]  # of one item, without batch axis
Figures = dict[str, float]  # NaN where there is nothing to measure
KnownFigures = Mapping[str, float | None]
Floats = NDArray[np.float32]

# The least, or the most where the name ends in "delta", that a variant must reach.
LIMITS: Mapping[str, float] = {
    "same_top1": 0.99, "same_text": 0.98, "same_side": 1.0, "same_positions": 0.97,
    "mean_cosine": 0.995, "box_overlap": 0.97,
    "mean_delta": 0.015, "largest_delta": 0.1, "mean_cut_delta": 0.015, "largest_cut_delta": 0.05,
    "mean_score_delta": 0.02, "box_delta": 0.05,
}  # fmt: skip


def measure_agreement(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> KnownFigures:
    """Figures over (reference, variant) pairs of the same items; all of them are in LIMITS."""
    if not all(np.isfinite(values).all() for _, other in pairs for values in other.values()):
        return {"same_positions": 0.0}
    measured = _MEASURES[manifest.task](manifest, pairs)
    return {name: None if np.isnan(value) else round(float(value), 6) for name, value in measured.items()}


def find_misses(figures: KnownFigures) -> tuple[str, ...]:
    """A sentence for each figure that is beyond its limit."""
    return tuple(miss for name, value in figures.items() if (miss := _find_miss(name, value)) is not None)


def _find_miss(name: str, value: float | None) -> str | None:
    if value is None:
        return f"{name} is not known: the pictures show nothing that the model finds"
    if name.endswith("delta"):
        return f"{name} is {value:g}, at most {LIMITS[name]:g} is allowed" if value > LIMITS[name] else None
    return f"{name} is {value:g}, at least {LIMITS[name]:g} is needed" if value < LIMITS[name] else None


def _measure_encoder(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    one, two = (np.stack([pair[side]["logits"] for pair in pairs]) for side in (0, 1))
    return {**_compare_classes(softmax(one), softmax(two), STATED), **_measure_vectors(manifest, pairs)}


def _measure_vectors(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    return {"mean_cosine": float(np.mean([_cosine(a["embedding"], b["embedding"]) for a, b in pairs]))}


def _measure_classes(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    name = manifest.outputs[0].name
    one, two = (np.stack([pair[side][name] for pair in pairs]) for side in (0, 1))
    return _compare_classes(softmax(one), softmax(two)) if name == "logits" else _compare_classes(one, two)


def _measure_moderation(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    one, two = (np.array([pair[side][manifest.outputs[0].name][1] for pair in pairs]) for side in (0, 1))
    cuts = np.array(CUTS)[:, None]
    same = ((one >= cuts) == (two >= cuts)).all(0)
    # The pictures at hand are safe. As far as their log-odds move, a score of one half would move by this much.
    deltas = np.tanh(np.abs(_log_odds(one) - _log_odds(two)) / 2) / 2
    return {"same_side": same.mean(), "mean_cut_delta": deltas.mean(), "largest_cut_delta": deltas.max()}


def _measure_texts(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    """Characters as connectionist temporal classification decodes them: equal neighbours are one, class 0 is none."""
    name = manifest.outputs[0].name
    same = [_decode(a[name]) == _decode(b[name]) for a, b in pairs]
    deltas = [np.abs(a[name].max(-1) - b[name].max(-1)).mean() for a, b in pairs]
    return {"same_text": np.mean(same), "mean_delta": np.mean(deltas)}


def _measure_text_maps(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    name = manifest.outputs[0].name
    return _compare_positions(manifest, [(a[name].ravel(), b[name].ravel()) for a, b in pairs])


def _measure_faces(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    """MTCNN's nets and RFB have other outputs than YuNet: the first is that of scores in all of them."""
    name = manifest.outputs[0].name
    figures = _compare_positions(manifest, [(_face_scores(a[name]), _face_scores(b[name])) for a, b in pairs])
    if "offsets" not in pairs[0][0]:
        return figures
    moved = [np.abs(a["offsets"] - b["offsets"])[:, a[name] >= _threshold(manifest)].ravel() for a, b in pairs]
    return {**figures, "box_delta": _mean(moved)}


def _measure_objects(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    figures = _compare_positions(manifest, [(a["scores"].ravel(), b["scores"].ravel()) for a, b in pairs])
    overlaps = [
        _overlaps(a["boxes"][found], b["boxes"][found]) for a, b in pairs for found in [a["scores"].max(-1) >= NEAR]
    ]
    return {**figures, "box_overlap": _mean(overlaps)}


def _measure_layout(manifest: Manifest, pairs: Sequence[tuple[Outputs, Outputs]]) -> Figures:
    """First the scores of each stride, then as many distributions over the distances of a box's four sides."""
    names = [output.name for output in manifest.outputs]
    scores, sides = names[: len(names) // 2], names[len(names) // 2 :]
    joined = [tuple(np.concatenate([one[name].ravel() for name in scores]) for one in pair) for pair in pairs]
    moved = [
        np.abs(_distances(a[side]) - _distances(b[side]))[a[score].max(-1) >= NEAR].ravel()
        for a, b in pairs
        for score, side in zip(scores, sides, strict=True)
    ]
    return {**_compare_positions(manifest, [(a, b) for a, b in joined]), "box_delta": _mean(moved)}


def _compare_classes(one: Floats, two: Floats, stated: float = 0.0) -> Figures:
    """Probabilities of (items, classes); the best class counts where the reference gives it `stated` or more."""
    best = one.argmax(-1)
    deltas = np.abs(np.take_along_axis(one - two, best[:, None], -1))
    same = (best == two.argmax(-1))[one.max(-1) >= stated]
    return {"same_top1": _mean([same]), "mean_delta": deltas.mean(), "largest_delta": deltas.max()}


def _compare_positions(manifest: Manifest, pairs: Sequence[tuple[Floats, Floats]]) -> Figures:
    """Of the positions that either takes for something, the share that both do; deltas where either is NEAR."""
    threshold, either, both = _threshold(manifest), 0, 0
    deltas: list[Array] = []
    for one, two in pairs:
        either += int(np.count_nonzero((one >= threshold) | (two >= threshold)))
        both += int(np.count_nonzero((one >= threshold) & (two >= threshold)))
        deltas.append(np.abs(one - two)[(one >= NEAR) | (two >= NEAR)])
    return {"same_positions": both / either if either else np.nan, "mean_score_delta": _mean(deltas)}


def _threshold(manifest: Manifest) -> float:
    """Objects are stated by calibrated chances: of their detectors' scores, from a quarter on."""
    if manifest.task == "objects":
        return 0.25
    return (manifest.decision.threshold if manifest.decision else None) or 0.5


def _face_scores(scores: Floats) -> Floats:
    return scores[..., 1].ravel() if scores.ndim > 1 and scores.shape[-1] == 2 else scores.ravel()


def _decode(steps: Floats) -> list[int]:
    classes = steps.argmax(-1)
    changed = np.concatenate([[True], classes[1:] != classes[:-1]])
    decoded: list[int] = classes[changed & (classes != 0)].tolist()
    return decoded


def _distances(logits: Floats) -> Floats:
    """The expected distance, in strides, of each of a box's four sides."""
    bins = logits.reshape(len(logits), 4, -1)
    distances: Floats = (softmax(bins) * np.arange(bins.shape[-1], dtype=np.float32)).sum(-1)
    return distances


def _overlaps(one: Floats, two: Floats) -> Floats:
    """Intersection over union of boxes [x0, y0, x1, y1], pair by pair."""
    inner = np.maximum(np.minimum(one[:, 2:], two[:, 2:]) - np.maximum(one[:, :2], two[:, :2]), 0).prod(1)
    areas = (one[:, 2:] - one[:, :2]).prod(1) + (two[:, 2:] - two[:, :2]).prod(1)
    overlaps: Floats = inner / np.maximum(areas - inner, 1e-9)
    return overlaps


def _log_odds(scores: Floats) -> NDArray[np.float64]:
    clipped = scores.astype(np.float64).clip(1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds


def _cosine(one: Floats, two: Floats) -> float:
    return float(one @ two / max(float(np.linalg.norm(one) * np.linalg.norm(two)), 1e-9))


def _mean(parts: Sequence[Array]) -> float:
    """NaN, which misses every limit, where there is nothing."""
    joined = np.concatenate(parts) if parts else np.empty(0, np.float32)
    return float(joined.mean()) if joined.size else np.nan


_MEASURES: Mapping[str, Callable[[Manifest, Sequence[tuple[Outputs, Outputs]]], Figures]] = {
    "encoder": _measure_encoder,
    "clip-image": _measure_vectors,
    "moderation": _measure_moderation,
    "moderation-classes": _measure_classes,
    "text-orientation": _measure_classes,
    "text-recognition": _measure_texts,
    "text-detection": _measure_text_maps,
    "faces": _measure_faces,
    "objects": _measure_objects,
    "layout": _measure_layout,
}
