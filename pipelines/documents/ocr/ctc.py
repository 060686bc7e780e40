"""Characters from a recogniser's steps: connectionist temporal classification, best path.

Source: A. Graves et al., "Connectionist Temporal Classification" (ICML 2006): of each step the likeliest class;
repeats are one character, blanks separate them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.runtime.session import Array

BLANK = 0


@dataclass(frozen=True, slots=True)
class Character:
    """`position` is where its steps are, 0 at the left and 1 at the right edge of what was recognised.

    `space` is the probability of a space between the character before and this one, as high as it gets there: of
    spaces that were likely but not likeliest.
    """

    text: str
    position: float
    score: float
    space: float = 0.0


def decode(probabilities: Array, alphabet: Sequence[str]) -> list[Character]:
    """(steps, classes) to characters from left to right; `alphabet` is that of the classes: blank first, space last."""
    classes, spaces = _likeliest(probabilities), probabilities[:, -1]
    best = probabilities[np.arange(len(classes)), classes]
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    ends = np.append(starts[1:], len(classes))
    found: list[Character] = []
    last = 0  # step of the character before
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if classes[start] != BLANK:
            position, score = (start + end) / 2 / len(classes), float(best[start:end].mean())
            space = float(spaces[last : start + 1].max())
            found.append(Character(alphabet[classes[start]], position, score, space))
            last = end - 1
    return found


def _likeliest(probabilities: Array) -> NDArray[np.int64]:
    """Of each step; more than half of the steps are blanks beyond doubt, and their 18,710 classes need no reading."""
    classes = np.full(len(probabilities), BLANK)
    for step in np.flatnonzero(probabilities[:, BLANK] <= 0.5).tolist():
        classes[step] = probabilities[step].argmax()
    return classes


def mean_score(characters: Sequence[Character]) -> float:
    """0 where there are none."""
    return float(np.mean([one.score for one in characters])) if characters else 0.0
