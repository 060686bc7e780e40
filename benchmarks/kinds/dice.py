"""Seeded random choices for one picture: numbers, colours, words."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

T = TypeVar("T")
RGB = tuple[int, int, int]

_SYLLABLES, _WORDS = (
    Path(__file__).with_name(name).read_text("utf-8").split() for name in ("syllables.txt", "words.txt")
)


@dataclass(frozen=True)
class Dice:
    """Random choices for one picture; the same `seed` gives the same picture."""

    seed: tuple[int, ...]

    @cached_property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def whole(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.rng.integers(len(choices)))]

    def colour(self, low: int = 0, high: int = 255) -> RGB:
        red, green, blue = self.rng.integers(low, high + 1, 3).tolist()
        return red, green, blue

    def pale(self) -> RGB:
        return self.pick([(255, 255, 255), (255, 255, 255), (250, 250, 250), (245, 246, 248), self.colour(225, 255)])

    def dark(self) -> RGB:
        return self.pick([(0, 0, 0), (20, 20, 20), (40, 44, 52), (51, 51, 51), self.colour(0, 60)])

    def words(self, count: int) -> str:
        """Words of the length and mix of English ones; half of them mean nothing."""
        return " ".join(self._word() for _ in range(count))

    def _word(self) -> str:
        if self.chance(0.5):
            return self.pick(_WORDS)
        return "".join(self.pick(_SYLLABLES) for _ in range(self.whole(1, 4)))

    def number(self) -> str:
        return self.pick([f"{self.between(0, 1000):,.2f}", str(self.whole(0, 9999)), f"{self.between(0, 100):.1f}%"])
