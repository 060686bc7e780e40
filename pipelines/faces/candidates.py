"""The candidates for faces that a detector proposes: boxes, scores and landmarks as arrays of one length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipelines.nms import keep_best, suppress_overlaps

Floats = NDArray[np.float32]

# Order of the five landmarks everywhere; left and right as seen in the image of an upright face.
LANDMARKS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")


@dataclass(frozen=True, slots=True)
class Candidates:
    """`boxes` (N, 4) as x0, y0, x1, y1; `scores` (N,) in 0-1; `landmarks` (N, 5, 2) as x, y; all float32."""

    boxes: Floats
    scores: Floats
    landmarks: Floats

    @classmethod
    def empty(cls) -> Self:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: Any) -> Self:
        """Select rows by indices, mask or slice."""
        return type(self)(self.boxes[rows], self.scores[rows], self.landmarks[rows])

    @property
    def centres(self) -> Floats:
        return (self.boxes[:, :2] + self.boxes[:, 2:]) * np.float32(0.5)

    @property
    def sides(self) -> Floats:
        """Square root of each box's area, in pixels."""
        width, height = (self.boxes[:, 2:] - self.boxes[:, :2]).clip(0).T
        sides: Floats = np.sqrt(width * height)
        return sides

    def suppress_overlaps(self, *, iou: float) -> Self:
        """Greedy non-maximum suppression; best score first."""
        return self[keep_best(self.boxes, self.scores, iou=iou)]

    def merge_overlaps(self, *, iou: float) -> Self:
        """As `suppress_overlaps`, but each survivor is the mean of all that it replaces, weighted by squared scores.

        Source: S. Gidaris and N. Komodakis, "Object Detection via a Multi-Region and Semantic
        Segmentation-Aware CNN Model" (ICCV 2015), box voting.
        """
        kept, owners = suppress_overlaps(self.boxes, self.scores, iou=iou, of_smaller=False)
        if len(kept) == len(self):
            return self[kept]
        order = np.argsort(owners, kind="stable")
        first = np.searchsorted(owners[order], np.arange(len(kept)))
        weights = self.scores[order, None] ** 2
        values = np.concatenate([self.boxes, self.landmarks.reshape(-1, 10)], axis=1)[order]
        # Not a product of matrices: for thousands of candidates BLAS would start threads of its own.
        means = (np.add.reduceat(values * weights, first) / np.add.reduceat(weights, first)).astype(np.float32)
        return type(self)(means[:, :4], self.scores[kept], means[:, 4:].reshape(-1, 5, 2))
