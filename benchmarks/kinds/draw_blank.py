"""Blank pictures: one colour, a slow gradient, an empty page that was scanned, a covered lens."""

import numpy as np
from PIL import Image

from benchmarks.kinds.augment import scan
from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.stock import Sorts, Stock


def _choose(dice: Dice) -> tuple[tuple[int, int], RGB]:
    """A size and a colour."""
    colour = dice.pick([(255, 255, 255), (0, 0, 0), dice.colour(), dice.pale(), dice.dark()])
    return (dice.whole(64, 900), dice.whole(64, 900)), colour


def _fill(stock: Stock, dice: Dice) -> Image.Image:
    return Image.new("RGB", *_choose(dice))


def _scan_nothing(stock: Stock, dice: Dice) -> Image.Image:
    return scan(Image.new("RGB", _choose(dice)[0], (255, 255, 255)), dice)


def _shade(stock: Stock, dice: Dice) -> Image.Image:
    """A slow change from one side to the other, under noise."""
    (width, height), colour = _choose(dice)
    slope = np.linspace(0, dice.between(0, 28), width)[None, :, None]
    slope = slope + np.linspace(0, dice.between(0, 20), height)[:, None, None]
    noise = dice.rng.normal(0, dice.between(0, 6), (height, width, dice.pick([1, 3])))
    pixels = np.array(colour, np.float32) + slope * dice.pick([1, -1]) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _darken(stock: Stock, dice: Dice) -> Image.Image:
    """A photograph so much underexposed that nothing shows."""
    pixels = np.asarray(stock.photograph(dice), np.float32) * dice.between(0.0, 0.03)
    noise = dice.rng.normal(0, dice.between(0, 2), pixels.shape)
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


SORTS: Sorts = {"plain": (3, _fill), "empty pages": (3, _scan_nothing), "shades": (3, _shade), "dark": (1, _darken)}
