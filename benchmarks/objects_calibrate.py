"""Fit the calibration of the objects pipeline on labelled photographs, and print it with what it is worth.

    python benchmarks/objects_calibrate.py FOLDER

FOLDER/labels.jsonl (or gt.jsonl) has a line for each image: {"file": "a.jpg", "objects": [{"label": "dog", "box":
[x0, y0, x1, y1]}, ...]}, boxes in pixels, labels as in COCO.

The printed constants belong into CALIBRATION in pipelines/objects/calibration.py. The figures below them are
cross-fitted: each photograph is judged with constants that were fitted on the other half, over many halvings.
Intervals are 95 % over photographs (bootstrap).
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.image.decode import ImageLimits, decode
from pipelines.objects.calibration import ObjectsCalibration, gather_evidence, logit
from pipelines.objects.detections import Detections
from pipelines.objects.fusion import pairwise_iou
from pipelines.objects.options import ObjectsOptions
from pipelines.objects.pipeline import ObjectsPipeline
from pipelines.objects.statements import count_objects, state_labels
from pipelines.run_context import RunContext
from service.components import open_components
from service.settings import Settings
from service.telemetry.metrics import Metrics

FIT_FROM = 0.2  # fused scores under this would outnumber those that matter by twenty to one
RIDGE = 0.5
HALVINGS = 20
PRECISIONS = (0.8, 0.9, 0.95, 0.98, 0.99)
LARGE = 0.02  # of the picture

Floats = NDArray[np.float64]


@dataclass
class Photograph:
    """One picture's detections and truth: `labels` counts, `large` are labels with a box of LARGE or more."""

    found: Detections
    is_right: NDArray[np.bool_]
    labels: Counter[int]
    large: set[int]


@dataclass
class Outcomes:
    """Sums over photographs, one row each, from which every figure is a ratio."""

    rows: list[dict[str, float]] = field(default_factory=list)

    def ratio(self, part: str, whole: str, picks: NDArray[np.intp] | slice = slice(None)) -> float:
        parts, wholes = (np.array([row.get(name, 0.0) for row in self.rows])[picks] for name in (part, whole))
        return float(parts.sum() / max(wholes.sum(), 1e-9))


async def main(folder: Path) -> None:
    lines = next(path for name in ("labels.jsonl", "gt.jsonl") if (path := folder / name).exists()).read_text()
    async with open_components(Settings(), Metrics(), only=("objects",)) as components:
        pipeline = components.engine.pipeline("objects")
        assert isinstance(pipeline, ObjectsPipeline)
        photographs = [await look(pipeline, folder, json.loads(line)) for line in lines.splitlines()]
    fitted = fit_calibration(photographs, find_cuts(photographs))
    print(f"{len(photographs)} photographs, {sum(len(one.found) for one in photographs)} boxes")
    print(f"  box={fitted.box}, label={fitted.label}, cuts={tuple(fitted.cuts)}")
    print_reliability(photographs)
    print_statements(photographs, fitted.cuts)


async def look(pipeline: ObjectsPipeline, folder: Path, row: dict[str, Any]) -> Photograph:
    side = pipeline.shorter_side(ObjectsOptions())
    picture = decode((folder / row["file"]).read_bytes(), limits=ImageLimits(), shorter_side=side)
    found = await pipeline.detector.detect(picture.pixels, RunContext())
    names = [one.name for one in pipeline.labels.labels]
    classes = np.array([names.index(one["label"]) for one in row["objects"]], np.intp)
    size = np.array([picture.width, picture.height] * 2)
    boxes = (np.array([one["box"] for one in row["objects"]], np.float64).reshape(-1, 4) / size).astype(np.float32)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return Photograph(
        found, find_right(found, boxes, classes), Counter(classes.tolist()), set(classes[areas >= LARGE].tolist())
    )


def find_right(found: Detections, boxes: NDArray[np.float32], classes: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which detections are the first of their class on a labelled box; `found` has the best score first."""
    overlaps = pairwise_iou(found.boxes, boxes)
    overlaps[found.classes[:, None] != classes] = 0
    is_right = np.zeros(len(found), np.bool_)
    for row in range(len(found) if len(boxes) else 0):
        best = int(overlaps[row].argmax())
        if overlaps[row, best] >= 0.5:
            is_right[row] = True
            overlaps[:, best] = 0
    return is_right


def fit_calibration(
    photographs: list[Photograph], cuts: Sequence[tuple[float, float]] = ((0.0, 0.0),)
) -> ObjectsCalibration:
    scores = np.concatenate([one.found.scores for one in photographs])
    people = np.concatenate([one.found.classes == 0 for one in photographs])
    is_right = np.concatenate([one.is_right for one in photographs])
    used = scores >= FIT_FROM
    box = fit(np.stack([logit(scores), people], axis=1)[used], is_right[used])
    label = fit(*gather_labels(photographs))
    return ObjectsCalibration(box=box, label=label, cuts=cuts)  # type: ignore[arg-type]  # as many weights as columns


def gather_labels(photographs: list[Photograph]) -> tuple[Floats, NDArray[np.bool_]]:
    """Log odds of the evidence of each label that was detected, and whether the picture has it."""
    rows, is_there = list[Floats](), list[bool]()
    for one in photographs:
        evidence = gather_evidence(one.found)
        rows.append(np.stack([logit(part) for part in (evidence.best, evidence.second, evidence.rival)], axis=1))
        is_there += [int(label) in one.labels for label in evidence.classes]
    return np.concatenate(rows), np.array(is_there, np.bool_)


def fit(values: Floats, is_true: NDArray[np.bool_]) -> tuple[float, ...]:
    """Logistic regression with a ridge, by Newton's method: the constant, then a weight for each column."""
    rows = np.concatenate([np.ones((len(values), 1)), values], axis=1)
    ridge = np.array([1e-3] + [RIDGE] * values.shape[1])
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        share = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (is_true - share) - ridge * weights
        curvature = (rows * (share * (1 - share))[:, None]).T @ rows + np.diag(ridge)
        weights += np.linalg.solve(curvature, slope)
    return tuple(round(float(weight), 2) for weight in weights)


def find_cuts(photographs: list[Photograph]) -> list[tuple[float, float]]:
    """Each of PRECISIONS, and the lowest chance from which on so many labels are right, cross-fitted."""
    said, right = list[Floats](), list[bool]()

    def judge(one: Photograph, fitted: ObjectsCalibration) -> None:
        evidence = gather_evidence(one.found)
        said.append(fitted.rate_labels(evidence).astype(np.float64))
        right.extend(int(label) in one.labels for label in evidence.classes)

    cross_fit(photographs, judge)
    chances = np.concatenate(said)
    order = np.argsort(-chances)
    precisions = np.cumsum(np.array(right)[order]) / np.arange(1, len(order) + 1)
    lowest = [chances[order[np.flatnonzero(precisions >= one)[-1]]] for one in PRECISIONS]
    return [(one, round(float(chance), 2)) for one, chance in zip(PRECISIONS, lowest, strict=True)]


def cross_fit(
    photographs: list[Photograph],
    judge: Callable[[Photograph, ObjectsCalibration], None],
    cuts: Sequence[tuple[float, float]] = ((0.0, 0.0),),
) -> None:
    """Call `judge` for each photograph with a calibration of the other half, for each of HALVINGS."""
    rng = np.random.default_rng(0)
    for _ in range(HALVINGS):
        halves = np.array_split(rng.permutation(len(photographs)), 2)
        for own, other in (halves, halves[::-1]):
            fitted = fit_calibration([photographs[index] for index in other], cuts)
            for index in own:
                judge(photographs[index], fitted)


def print_reliability(photographs: list[Photograph]) -> None:
    said, right = list[Floats](), list[NDArray[np.bool_]]()

    def judge(one: Photograph, fitted: ObjectsCalibration) -> None:
        said.append(fitted.rate_boxes(one.found).astype(np.float64))
        right.append(one.is_right)

    cross_fit(photographs, judge)
    chances, is_right = np.concatenate(said), np.concatenate(right)
    print("  score        boxes   said   right")
    for low, high in ((0.1, 0.2), (0.2, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0)):
        within = (chances >= low) & (chances < high)
        count = within.sum() / HALVINGS
        print(f"  {low:.1f} to {high:.1f} {count:8.0f}  {chances[within].mean():.3f}  {is_right[within].mean():.3f}")


def print_statements(photographs: list[Photograph], cuts: Sequence[tuple[float, float]]) -> None:
    for precision in (0.9, 0.95, 0.98):
        outcomes = score_cross_fitted(photographs, cuts, precision)
        print(f"  stated at a precision of {precision}:")
        for name, part, whole in (
            ("precision", "true", "stated"), ("recall", "true", "labels"), ("recall, large", "large told", "large"),
            ("count exact", "exact", "true"), ("people, precision", "people true", "people stated"),
            ("people, recall", "people true", "people"),
        ):  # fmt: skip
            low, high = bootstrap(outcomes, part, whole, len(photographs))
            print(f"    {name:18} {outcomes.ratio(part, whole):.3f}  ({low:.3f} to {high:.3f})")


def score_cross_fitted(
    photographs: list[Photograph], cuts: Sequence[tuple[float, float]], precision: float
) -> Outcomes:
    outcomes = Outcomes()

    def judge(one: Photograph, fitted: ObjectsCalibration) -> None:
        chances = fitted.rate_boxes(one.found)
        labels = state_labels(one.found, fitted, precision=precision)
        stated = {label: count_objects(chances[one.found.classes == label]) for label in labels}
        outcomes.rows.append(score_statements(one, stated))

    cross_fit(photographs, judge, cuts)
    return outcomes


def score_statements(one: Photograph, stated: dict[int, int]) -> dict[str, float]:
    """A number over 5 is "more than 5"."""
    true = stated.keys() & one.labels.keys()
    return {
        "stated": len(stated), "true": len(true), "labels": len(one.labels),
        "large": len(one.large), "large told": len(one.large & stated.keys()),
        "exact": sum(min(stated[label], 6) == min(one.labels[label], 6) for label in true),
        "people": 0 in one.labels, "people stated": 0 in stated, "people true": 0 in true,
    }  # fmt: skip


def bootstrap(outcomes: Outcomes, part: str, whole: str, photographs: int) -> tuple[float, float]:
    """A resampling draws photographs, each with one of its halvings."""
    rng = np.random.default_rng(0)
    draws = [outcomes.ratio(part, whole, rng.integers(0, len(outcomes.rows), photographs)) for _ in range(2000)]
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(main(Path(sys.argv[1])))
