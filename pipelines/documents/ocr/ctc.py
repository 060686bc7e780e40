"""Decodes a recogniser's steps to characters: connectionist temporal classification (CTC), best path.

Source: A. Graves et al., "Connectionist Temporal Classification" (ICML 2006). Each step gives its likeliest class;
repeats are one character, and blanks separate characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array

BLANK = 0


@dataclass(frozen=True, slots=True)
class Character:
    """`position` is the middle of its steps, from 0 at the left to 1 at the right edge of the crop.

    `space` is the highest probability of a space between the previous character and this one: it shows spaces that
    were likely, but never the likeliest class.
    """

    text: str
    position: float
    score: float
    space: float = 0.0


def decode_characters(probabilities: Array, alphabet: Sequence[str]) -> list[Character]:
    """(steps, classes) to characters from left to right; `alphabet` names the classes: blank first, space last."""
    classes, spaces = _likeliest_classes(probabilities), probabilities[:, -1]
    best = probabilities[np.arange(len(classes)), classes]
    starts = np.flatnonzero(np.diff(classes, prepend=-1))
    ends = np.append(starts[1:], len(classes))
    characters: list[Character] = []
    last = 0  # step of the previous character
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if classes[start] != BLANK:
            position, score = (start + end) / 2 / len(classes), float(best[start:end].mean())
            space = float(spaces[last : start + 1].max())
            characters.append(Character(alphabet[classes[start]], position, score, space))
            last = end - 1
    return characters


def _likeliest_classes(probabilities: Array) -> NDArray[np.int64]:
    """Of each step. Steps that are surely blank, over half of them, are not searched through all 18,710 classes."""
    classes = np.full(len(probabilities), BLANK)
    for step in np.flatnonzero(probabilities[:, BLANK] <= 0.5).tolist():
        classes[step] = probabilities[step].argmax()
    return classes


def mean_score(characters: Sequence[Character]) -> float:
    """0 without characters."""
    return float(np.mean([one.score for one in characters])) if characters else 0.0
