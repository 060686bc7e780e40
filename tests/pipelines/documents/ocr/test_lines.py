"""Which recognised characters become a line."""

import numpy as np
import pytest

from pipelines.documents.ocr.ctc import Character
from pipelines.documents.ocr.lines import read_line

QUAD = np.array([(0, 0), (96, 0), (96, 48), (0, 48)], np.float32)
CROP = np.full((48, 96, 3), 255, np.uint8)


@pytest.mark.parametrize(
    ("text", "score", "expected"), [("8", 0.8, None), ("8", 0.9, "8"), ("8 ", 0.8, None), ("80", 0.8, "80")]
)
def test_a_single_character_needs_a_higher_score(text: str, score: float, expected: str | None) -> None:
    characters = [Character(one, 0.3 + 0.3 * place, score) for place, one in enumerate(text)]
    line = read_line(QUAD, CROP, characters).line

    assert (line and line.text) == expected
