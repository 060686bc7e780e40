"""Memes: a photograph or a drawing with a caption that someone wrote over, above or below it."""

from PIL import Image, ImageDraw, ImageFont

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.draw_art import SORTS as DRAWINGS
from benchmarks.kinds.stock import Sorts, Stock

_HEAVY = "anton|Black|Fredoka"


def _choose_picture(stock: Stock, dice: Dice) -> Image.Image:
    """A photograph, or now and then a drawing, of no extreme shape."""
    picture = dice.pick(list(DRAWINGS.values()))[1](stock, dice) if dice.chance(0.2) else stock.photograph(dice)
    if max(picture.size) > 1.9 * min(picture.size) or min(picture.size) < 200:
        picture = stock.photograph(dice, (dice.whole(300, 700), dice.whole(300, 700)))
    return picture


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _write_over(stock: Stock, dice: Dice) -> Image.Image:
    """White capitals with a black outline at the top, the bottom or both."""
    picture = _choose_picture(stock, dice).copy()
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    size = min(width, height) * dice.between(0.06, 0.15)
    font, outline = stock.font(dice, size, _HEAVY), max(1, round(size * dice.between(0.04, 0.1)))
    fill, edge = dice.pick(
        [((255, 255, 255), (0, 0, 0))] * 6 + [((255, 255, 0), (0, 0, 0)), ((0, 0, 0), (255, 255, 255))]
    )
    for at_top in dice.pick([(True, False), (True, False), (True,), (False,)]):
        lines = _wrap(dice.words(dice.whole(2, 8)).upper() if dice.chance(0.9) else dice.words(4), font, width * 0.92)[
            :3
        ]
        leading = size * 1.15
        top = height * 0.02 if at_top else height * 0.97 - leading * len(lines)
        for row, line in enumerate(lines):
            draw.text(
                (width / 2, top + row * leading), line, fill, font, anchor="ma", stroke_width=outline, stroke_fill=edge
            )
    return picture


def _write_beside(stock: Stock, dice: Dice) -> Image.Image:
    """Text in a white or black band above the picture, or below, or a poster's black frame."""
    picture = _choose_picture(stock, dice)
    width, height = picture.size
    size = width * dice.between(0.035, 0.08)
    font = stock.font(dice, size, "Lato|inter|SourceSans|Serif" if dice.chance(0.7) else _HEAVY)
    paper, ink = ((255, 255, 255), (0, 0, 0)) if dice.chance(0.75) else ((0, 0, 0), (255, 255, 255))
    lines = _wrap(dice.words(dice.whole(3, 16)), font, width * 0.93)[:4]
    band = round(size * 1.3 * len(lines) + size * 0.8)
    frame = round(width * 0.08) if paper == (0, 0, 0) and dice.chance(0.6) else 0
    above = dice.chance(0.75) and not frame
    laid = Image.new("RGB", (width + 2 * frame, height + band + frame), paper)
    laid.paste(picture, (frame, band if above else frame))
    draw = ImageDraw.Draw(laid)
    centred = dice.chance(0.5)
    for row, line in enumerate(lines):
        y = (0 if above else height + frame) + size * 0.4 + row * size * 1.3
        draw.text((laid.width / 2 if centred else size * 0.5, y), line, ink, font, anchor="ma" if centred else "la")
    return laid


def _label_panels(stock: Stock, dice: Dice) -> Image.Image:
    """Two or more pictures below each other, each with text beside or over it."""
    side, rows = dice.whole(180, 320), dice.whole(2, 4)
    beside = dice.chance(0.5)
    laid = Image.new("RGB", (side * (2 if beside else 1) + (0 if beside else side // 2), side * rows), "white")
    draw, font = ImageDraw.Draw(laid), stock.font(dice, side * dice.between(0.09, 0.14), "Lato-B|inter|anton|Semibold")
    for row in range(rows):
        panel = stock.photograph(dice, (side if beside else laid.width, side))
        laid.paste(panel, (0, row * side))
        lines = _wrap(dice.words(dice.whole(2, 7)), font, side * 0.9)[:4]
        for index, line in enumerate(lines):
            if beside:
                draw.text((side * 1.05, row * side + side * (0.2 + 0.17 * index)), line, (0, 0, 0), font)
            else:
                draw.text(
                    (laid.width / 2, row * side + side * (0.55 + 0.16 * index)),
                    line,
                    "white",
                    font,
                    anchor="ma",
                    stroke_width=3,
                    stroke_fill="black",
                )
        draw.line((0, row * side, laid.width, row * side), (0, 0, 0), 2)
    return laid


SORTS: Sorts = {"over": (6, _write_over), "beside": (3, _write_beside), "panels": (1, _label_panels)}
