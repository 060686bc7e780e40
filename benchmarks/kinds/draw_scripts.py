"""Pages in no known script: invented signs in rows or in columns, so that a page is not told by Latin letters alone."""

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.stock import Stock


def draw_script(stock: Stock, dice: Dice) -> Image.Image:
    """A page of invented signs: book pages, columns from top to bottom, lists with much room, a few large lines."""
    width = dice.whole(350, 1100)
    height = round(width * dice.pick([1.5, 1.414, 1.3, 0.8, 0.4]))
    paper = dice.pick([(255, 255, 255), (255, 255, 255), (248, 243, 230), (232, 222, 196)])
    page = Image.new("RGB", (width, height), paper)
    side = round(width * dice.pick([dice.between(0.012, 0.03), dice.between(0.03, 0.09)]))
    letters = _invent(dice, max(8, side))
    ink = dice.pick([(0, 0, 0), (20, 20, 20), (60, 50, 40)])
    margin, upright = width * dice.between(0.03, 0.14), dice.chance(0.4)
    along, across = (height, width) if upright else (width, height)
    blocks = _split(dice, margin, along - margin)
    line, leading = margin, letters[0].width * dice.between(1.2, 2)
    while line < across - margin - leading:
        for start, end in blocks:
            place, stop = start, end - (dice.between(0, 0.8) * (end - start) if dice.chance(0.2) else 0)
            while place < stop - side:
                letter = dice.pick(letters)
                if not dice.chance(0.06):
                    x, y = (line, place) if upright else (place, line)
                    page.paste(ink, (round(x), round(y)), letter)
                place += letter.width * (1.08 if upright else 1)
        line += leading * (2 if dice.chance(0.06) else 1)
    if upright and dice.chance(0.5):
        draw = ImageDraw.Draw(page)
        draw.rectangle((margin / 2, margin / 2, width - margin / 2, height - margin / 2), None, ink)
    return page


def draw_script_line(stock: Stock, dice: Dice) -> Image.Image:
    """One line cut out of a page: up to thirty times as wide as it is high."""
    side = dice.whole(16, 60)
    letters, width = _invent(dice, side), dice.whole(2 * side, 30 * side)
    line = Image.new("RGB", (width, round(side * dice.between(1.2, 2))), dice.pick([(255, 255, 255), (240, 232, 215)]))
    place = dice.whole(2, side)
    while place < width - side:
        if not dice.chance(0.15):
            line.paste((10, 10, 10), (place, (line.height - side) // 2), dice.pick(letters))
        place += side
    return line


def _split(dice: Dice, start: float, end: float) -> list[tuple[float, float]]:
    """One to four parts of a line, with gaps: columns of text, or a list's."""
    count, gap = dice.pick([1, 1, 2, 3, 4]), 0.04 * (end - start)
    step = (end - start + gap) / count
    return [(start + part * step, start + (part + 1) * step - gap) for part in range(count)]


def _invent(dice: Dice, side: int) -> list[Image.Image]:
    """Forty signs as masks of `side` pixels: strokes in a square, or curves on a common line with dots."""
    square, thick = dice.chance(0.5), max(1, round(side * dice.between(0.05, 0.13)))
    letters = []
    for _ in range(40):
        mask = Image.new("L", (side * 4, side * 4), 0)
        draw, reach = ImageDraw.Draw(mask), side * 3.5
        for _ in range(dice.whole(3, 8) if square else dice.whole(1, 3)):
            x, y, length = (
                dice.between(0.1, 0.6) * reach,
                dice.between(0.1, 0.8) * reach,
                dice.between(0.3, 0.8) * reach,
            )
            if square:
                angle = dice.pick([0.0, 0.0, np.pi / 2, np.pi / 2, 1.0, 2.2])
                end = x + length * np.cos(angle), y + length * np.sin(angle)
                draw.line((x, y, *end), 255, thick * 4)
            else:
                turn = dice.between(0, 360)
                draw.arc((x, y, x + length, y + length), turn, turn + dice.between(120, 300), 255, thick * 4)
                if dice.chance(0.3):
                    draw.ellipse((x, y, x + thick * 5, y + thick * 5), 255)
        if not square:
            draw.line((0, reach * 0.75, side * 4, reach * 0.75), 255, thick * 3)
        letters.append(mask.resize((side, side), Image.Resampling.BOX))
    return letters
