"""Reads lines that run up or down an upright page from their other end, too, where the first reading is poor.

The classifier of directions errs on short words, such as heads of narrow columns; a sure reading wins.
"""

from collections.abc import Sequence

import numpy as np

from pipelines.documents.ocr.db_postprocess import TextQuads
from pipelines.documents.ocr.lines import ReadLine
from pipelines.documents.ocr.recogniser import TextRecogniser
from pipelines.documents.stages import Pixels
from pipelines.run_context import RunContext

SURE = 0.8  # score of a line from which it is not read again, and which the other reading must have
FEWEST_LETTERS = 3  # of the other reading: strokes and single digits read as well from either end
MOST_LINES = 24  # of a page: more are the strokes of a drawing


async def reread_turned(
    recogniser: TextRecogniser, page: Pixels, boxes: TextQuads, lines: Sequence[ReadLine], context: RunContext
) -> list[ReadLine]:
    """The lines, with the sure reading of each turned one that had none."""
    doubtful = [
        number
        for number, (one, is_turned) in enumerate(zip(lines, boxes.is_vertical.tolist(), strict=True))
        if is_turned and _score(one) < SURE
    ]
    if not doubtful or len(doubtful) > MOST_LINES:
        return list(lines)
    reversed_boxes = boxes[np.array(doubtful)].reverse(np.ones(len(doubtful), np.bool_))
    again = dict(zip(doubtful, await recogniser.read_lines(page, reversed_boxes, context), strict=True))
    return [again[number] if number in again and _is_sure(again[number]) else one for number, one in enumerate(lines)]


def _is_sure(other: ReadLine) -> bool:
    letters = sum(map(str.isalnum, other.line.text)) if other.line is not None else 0
    return letters >= FEWEST_LETTERS and _score(other) >= SURE


def _score(line: ReadLine) -> float:
    return line.line.score if line.line is not None else 0.0
