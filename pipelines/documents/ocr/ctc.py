"""Decodes a recogniser's steps to characters: connectionist temporal classification (CTC), best path.

Source: A. Graves et al., "Connectionist Temporal Classification" (ICML 2006). Each step gives its likeliest class;
repeats are one character, and blanks separate characters.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array

BLANK, SPACE = 0, -1
MIN_RIVAL = 0.05  # probability of anything but a blank, below which a step between characters is not looked into


@dataclass(frozen=True, slots=True)
class Character:
    """`position` is the middle of its steps, from 0 at the left to 1 at the right edge of the crop.

    `score` is the mean probability of its steps, `peak` the highest. `rival` is the highest probability of any further
    character beside it: one that was perhaps passed over. `space` is the highest probability of a space between the
    previous character and this one: it shows spaces that were likely, but never the likeliest class.
    """

    text: str
    position: float
    score: float
    space: float = 0.0
    peak: float = 1.0
    rival: float = 0.0


def decode_characters(probabilities: Array, alphabet: Sequence[str]) -> list[Character]:
    """(steps, classes) to characters from left to right; `alphabet` names the classes: blank first, space last."""
    classes, spaces = _likeliest_classes(probabilities), probabilities[:, SPACE]
    best = probabilities[np.arange(len(classes)), classes]
    edges = np.flatnonzero(np.diff(classes, prepend=-1)).tolist()
    runs = [run for run in zip(edges, [*edges[1:], len(classes)], strict=True) if classes[run[0]] != BLANK]
    rivals = _find_rivals(probabilities, classes, runs)
    characters: list[Character] = []
    last = 0  # step of the previous character
    for (start, end), rival in zip(runs, map(max, rivals, rivals[1:]), strict=True):
        own, space = best[start:end], float(spaces[last : start + 1].max())
        position = (start + end) / 2 / len(classes)
        text = alphabet[classes[start]]
        characters.append(Character(text, position, float(own.mean()), space, float(own.max()), rival))
        last = end - 1
    return characters


def _find_rivals(probabilities: Array, classes: NDArray[np.int64], runs: Sequence[tuple[int, int]]) -> list[float]:
    """The highest probability of another character before the first, between all neighbours, and after the last."""
    rivals = [0.0] * (len(runs) + 1)
    starts = [start for start, _ in runs]
    for step in np.flatnonzero((classes == BLANK) & (probabilities[:, BLANK] < 1 - MIN_RIVAL)).tolist():
        gap = bisect(starts, step)
        neighbours = [int(classes[start]) for start, _ in runs[max(0, gap - 1) : gap + 1]]
        others = probabilities[step].copy()
        others[[BLANK, SPACE, *neighbours]] = 0
        rivals[gap] = max(rivals[gap], float(others.max()))
    return rivals


def _likeliest_classes(probabilities: Array) -> NDArray[np.int64]:
    """Of each step. Steps that are surely blank, over half of them, are not searched through all 18,710 classes."""
    classes = np.full(len(probabilities), BLANK)
    for step in np.flatnonzero(probabilities[:, BLANK] <= 0.5).tolist():
        classes[step] = probabilities[step].argmax()
    return classes


def mean_score(characters: Sequence[Character]) -> float:
    """0 without characters."""
    return float(np.mean([one.score for one in characters])) if characters else 0.0
