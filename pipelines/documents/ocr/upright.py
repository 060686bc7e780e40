"""Finds which way up a page is: by the geometry of its lines, and where that is unsure, by trial readings.

Bars of charts are found as tall lines, and faint print misleads the classifier of directions; text that stands on its
head or on its side is never read well. So a few lines are read in every direction that may be the right one, and the
direction whose reading is better wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pipelines.documents.coordinates import Rotation
from pipelines.documents.ocr.ctc import Character, mean_score
from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.orientation import OrientationDetector
from pipelines.documents.ocr.recogniser import TextRecogniser
from pipelines.documents.stages import Pixels
from pipelines.run_context import RunContext

SAMPLE_LINES = 16  # of an axis that are classified
TRIAL_LINES = 8  # of them that are read in both directions
TRIAL_COLUMNS = 320  # of a line's beginning that are read: a word or two, about 20 ms
MIN_LEGIBLE_HEIGHT = 8.0  # pixels: lower lines say little

# Without a trial, a page is upright if at most such a share of its text's length is vertical, and if its lines are
# reversed with at most such a mean probability. Upright charts and faint receipts are beyond one or the other.
SURE_VERTICAL_SHARE, SURE_REVERSED = 0.1, 0.25
MIN_TRIAL_SCORE = 0.8  # of a line's characters on average, below which it counts nothing: most in a wrong way up
MIN_LEGIBILITY = 1.0  # one character read without doubt; a page of which no direction has that much stays as it came
MIN_ADVANTAGE = 1.2  # by which a direction must be read better than the one that geometry suggests


@dataclass(frozen=True, slots=True)
class AxisSample:
    """The lines of one axis, horizontal or vertical, that show best which way their text runs.

    `reversed_mean` is the mean probability that the page's text runs from their wrong end.
    """

    lines: TextQuads
    reversed_mean: float


@dataclass(frozen=True)
class UprightFinder:
    orientation: OrientationDetector
    recogniser: TextRecogniser

    async def find_rotation(self, page: Pixels, boxes: TextQuads, context: RunContext) -> Rotation:
        """Degrees clockwise by which the page's content was rotated; 0 without evidence of a rotation."""
        if not len(boxes):
            return 0
        vertical_share = float(boxes.lengths[boxes.is_vertical].sum() / boxes.lengths.sum())
        is_sideways = vertical_share > 0.5
        leading = await self._sample_axis(page, boxes.along(vertical=is_sideways), context)
        if vertical_share <= SURE_VERTICAL_SHARE and leading.reversed_mean <= SURE_REVERSED:
            return 0
        other = await self._sample_axis(page, boxes.along(vertical=not is_sideways), context)
        legibility: dict[Rotation, float] = {}
        for axis, sample in ((is_sideways, leading), (not is_sideways, other)):
            for is_reversed in (False, True):
                legibility[_name_rotation(axis, is_reversed)] = await self._try(page, sample, is_reversed, context)
        best = max(legibility, key=lambda rotation: legibility[rotation])
        if legibility[best] < MIN_LEGIBILITY:
            return 0
        suggested = _name_rotation(is_sideways, leading.reversed_mean > 0.5)
        return best if legibility[best] > MIN_ADVANTAGE * legibility[suggested] else suggested

    async def _sample_axis(self, page: Pixels, boxes: TextQuads, context: RunContext) -> AxisSample:
        if not len(boxes):
            return AxisSample(boxes, 0.0)
        legible = boxes[boxes.heights >= min(MIN_LEGIBLE_HEIGHT, float(np.median(boxes.heights)))]
        longest = legible[np.argsort(-legible.lengths)[:SAMPLE_LINES]]
        upside_down = await self.orientation.upside_down_probabilities(page, longest, context)
        # Of bars and rules the classifier knows no direction: the surer it is, the likelier there is text.
        evidence: NDArray[np.float32] = longest.lengths * np.abs(2 * upside_down - 1)
        return AxisSample(longest[np.argsort(-evidence)[:TRIAL_LINES]], float(np.mean(upside_down)))

    async def _try(self, page: Pixels, sample: AxisSample, is_reversed: bool, context: RunContext) -> float:
        lines = sample.lines.reverse(np.full(len(sample.lines), is_reversed))
        return measure_legibility(await self.recogniser.read_beginnings(page, lines, TRIAL_COLUMNS, context))


def measure_legibility(readings: Sequence[Sequence[Character]]) -> float:
    """From 0: how much was read, and how well. Many short lines count more than a long one, such as a chart's label."""
    qualities = [max(0.0, (mean_score(one) - MIN_TRIAL_SCORE) / (1 - MIN_TRIAL_SCORE)) for one in readings]
    return sum(quality * sqrt(len(one)) for quality, one in zip(qualities, readings, strict=True))


def _name_rotation(is_sideways: bool, is_reversed: bool) -> Rotation:
    return cast(Rotation, 90 * is_sideways + 180 * is_reversed)
