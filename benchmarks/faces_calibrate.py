"""Fit the calibration of both face detectors on labelled photographs, and print it.

    python benchmarks/faces_calibrate.py FOLDER

FOLDER/labels.jsonl (or gt.jsonl) has a line for each image: {"file": "a.jpg", "faces": [{"box": [x0, y0, x1, y1],
"ignore": false}, ...]}. Faces with `ignore` count neither as found nor as invented. An image without faces has an empty
list, or null together with a "nonface" that is not null.

The two printed tuples belong into CALIBRATION in pipelines/faces/yunet.py and pipelines/faces/mtcnn.py.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.faces.candidates import Candidates, Floats
from pipelines.faces.canvas import MipPyramid
from pipelines.faces.detector import Calibration, logit
from pipelines.faces.finder import FaceFinder
from pipelines.faces.pipeline import SHORTER_SIDE, FacesPipeline
from pipelines.image.decode import ImageLimits, decode
from pipelines.nms import measure_intersections
from pipelines.run_context import RunContext
from service.components import open_components
from service.settings import ModelSettings, Settings
from service.telemetry.metrics import Metrics


@dataclass(frozen=True)
class Recording(Calibration):
    """A calibration that records the raw scores that it is given."""

    recorded: list[tuple[Floats, Floats, NDArray[np.bool_]]] = field(default_factory=list)

    def score(self, detector: Floats, verifier: Floats, was_verified: NDArray[np.bool_]) -> Floats:
        self.recorded.append((detector, verifier, was_verified))
        return detector


@dataclass
class Samples:
    """For each candidate: the logits of detector and verifier, whether it was verified, and whether it is a face."""

    detector: list[float] = field(default_factory=list)
    verifier: list[float] = field(default_factory=list)
    was_verified: list[bool] = field(default_factory=list)
    is_face: list[bool] = field(default_factory=list)


async def main(folder: Path) -> None:
    lines = next(path for name in ("labels.jsonl", "gt.jsonl") if (path := folder / name).exists()).read_text()
    rows = [row for row in map(json.loads, lines.splitlines()) if row["faces"] is not None or row.get("nonface")]
    for name in ("yunet", "mtcnn"):
        settings = Settings(models=ModelSettings(faces=name))
        async with open_components(settings, Metrics(), only=("faces",)) as components:
            pipeline = components.engine.pipeline("faces")
            assert isinstance(pipeline, FacesPipeline)
            samples = Samples()
            for row in rows:
                await collect_samples(pipeline.finder, folder, row, samples)
        print_calibration(name, samples)


async def collect_samples(finder: FaceFinder, folder: Path, row: dict[str, Any], samples: Samples) -> None:
    now = finder.detector.calibration
    recording = Recording((0, 0, 0), (0, 0), now.smallest_verified, now.weakest_verified)
    picture = decode((folder / row["file"]).read_bytes(), limits=ImageLimits(), shorter_side=SHORTER_SIDE)
    mips, context = MipPyramid(picture.pixels), RunContext()
    proposals = await finder.detector.propose(mips, smallest_face=None, is_thorough=True, context=context)
    await finder.verifier.verify(mips, proposals.candidates, recording, context, is_thorough=True)
    [(detector, verifier, was_verified)] = recording.recorded
    for index, is_face in label_candidates(proposals.candidates, row["faces"] or [], picture.scale):
        samples.detector.append(float(logit(detector)[index]))
        samples.verifier.append(float(logit(verifier)[index]))
        samples.was_verified.append(bool(was_verified[index]))
        samples.is_face.append(is_face)


def label_candidates(candidates: Candidates, faces: list[dict[str, Any]], scale: float) -> list[tuple[int, bool]]:
    """Each candidate that counts, best score first, and whether it is the first on a labelled face."""
    if not len(candidates):
        return []
    boxes = np.array([face["box"] for face in faces], np.float32).reshape(-1, 4) * scale
    ignored = np.array([bool(face.get("ignore")) for face in faces], np.bool_)
    shares, taken, out = pairwise_iou(candidates.boxes, boxes), set[int](), []
    for index in np.argsort(-candidates.scores):
        free = [face for face in np.argsort(-shares[index]) if not ignored[face] and int(face) not in taken]
        if free and shares[index, free[0]] >= 0.5:
            taken.add(int(free[0]))
            out.append((int(index), True))
        elif not (ignored & (_inside(candidates.boxes[index], boxes) >= 0.5)).any():
            out.append((int(index), False))
    return out


def pairwise_iou(one: Floats, other: Floats) -> Floats:
    """(N, M): intersection over union of (N, 4) with (M, 4) boxes."""
    shared = measure_intersections(one, other)
    areas, other_areas = ((boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1) for boxes in (one, other))
    shares: Floats = shared / np.maximum(areas[:, None] + other_areas - shared, np.float32(1e-9))
    return shares


def _inside(box: Floats, others: Floats) -> Floats:
    """The share of `box` that lies in each of the others."""
    corners = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shares: Floats = corners.clip(0).prod(axis=1) / max(float((box[2:] - box[:2]).prod()), 1e-9)
    return shares


def print_calibration(name: str, samples: Samples) -> None:
    was_verified, is_face = np.array(samples.was_verified), np.array(samples.is_face, np.float64)
    both = np.stack([samples.detector, samples.verifier], axis=1)
    print(f"{name}: {len(is_face)} candidates, {int(is_face.sum())} of them faces")
    print(f"  verified   = {fit(both[was_verified], is_face[was_verified])}")
    if not was_verified.all():
        print(f"  unverified = {fit(both[~was_verified, :1], is_face[~was_verified])}")


def fit(values: NDArray[np.float64], is_face: NDArray[np.float64]) -> tuple[float, ...]:
    """Logistic regression by Newton's method: the constant, then a weight for each column."""
    rows = np.concatenate([np.ones((len(values), 1)), values], axis=1)
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        share = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (is_face - share) - 1e-3 * weights
        curvature = (rows * (share * (1 - share))[:, None]).T @ rows + 1e-3 * np.eye(len(weights))
        weights += np.linalg.solve(curvature, slope)
    return tuple(round(float(weight), 2) for weight in weights)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(main(Path(sys.argv[1])))
