"""Photographs of packages, by package: parts of them, mirrored and recoloured."""

from PIL import Image

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.stock import Sort, Sorts, Stock


def sort_photographs(stock: Stock) -> Sorts:
    """One sort for each package that brings photographs, as many of each round as the package has many."""
    names = sorted(set(stock.packages))
    return {name: (max(1, min(6, stock.packages.count(name) // 8)), _take_from(name)) for name in names}


def _take_from(package: str) -> Sort:
    def take(stock: Stock, dice: Dice) -> Image.Image:
        own = [photo for photo, name in zip(stock.photographs, stock.packages, strict=True) if name == package]
        return stock.photograph(dice, photographs=own)

    return take
