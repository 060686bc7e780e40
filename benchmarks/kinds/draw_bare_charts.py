"""Charts without axes, as web libraries draw them: rings, gauges, funnels, tree maps, flows, nets, candles, cells."""

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.draw_plain_charts import Box, split_largest
from benchmarks.kinds.stock import Stock

_PALETTES: list[list[RGB]] = [
    [(84, 112, 198), (145, 204, 117), (250, 200, 88), (238, 102, 102), (115, 192, 222)],
    [(54, 162, 235), (255, 99, 132), (255, 206, 86), (75, 192, 192), (153, 102, 255)],
    [(66, 133, 244), (219, 68, 55), (244, 180, 0), (15, 157, 88), (171, 71, 188)],
    [(31, 119, 180), (174, 199, 232), (255, 127, 14), (255, 187, 120), (44, 160, 44)],
]


class _Canvas:
    """A chart's ground, its drawing, its ink, its colours and its font."""

    def __init__(self, stock: Stock, dice: Dice) -> None:
        self.dice, self.width, self.height = dice, dice.whole(300, 900), dice.whole(260, 640)
        ground = dice.pick([(255, 255, 255), (255, 255, 255), dice.pale(), dice.dark(), (16, 12, 42)])
        self.ink: RGB = (220, 220, 230) if sum(ground) < 300 else (60, 60, 70)
        self.colours = dice.pick([*_PALETTES, [dice.colour() for _ in range(5)]])
        self.picture = Image.new("RGB", (self.width, self.height), ground)
        self.draw = ImageDraw.Draw(self.picture)
        self.font: ImageFont.FreeTypeFont = stock.font(
            dice, self.height * dice.between(0.025, 0.05), "Lato|inter|Source"
        )
        self.labelled = dice.chance(0.75)

    def label(self, x: float, y: float, anchor: str = "mm") -> None:
        if self.labelled:
            text = self.dice.pick([self.dice.words(1).title(), self.dice.number()])
            self.draw.text((x, y), text, self.ink, self.font, anchor=anchor)


def draw_without_axes(stock: Stock, dice: Dice) -> Image.Image:
    """One of the ways below, now and then with a heading and a legend."""
    canvas = _Canvas(stock, dice)
    dice.pick(_WAYS)(canvas, dice)
    if dice.chance(0.4):
        canvas.draw.text((10, 8), dice.words(dice.whole(1, 4)).capitalize(), canvas.ink, canvas.font)
    for place in range(dice.whole(2, 5) if dice.chance(0.4) else 0):
        x, y = 0.1 * canvas.width + place * 0.17 * canvas.width, canvas.height - 16
        canvas.draw.rectangle((x, y, x + 14, y + 9), canvas.colours[place])
        canvas.label(x + 18, y + 4, "lm")
    return canvas.picture


def _draw_ring(canvas: _Canvas, dice: Dice) -> None:
    """A pie or a ring, its labels beside it on short lines."""
    x, y, r = canvas.width / 2, canvas.height / 2, 0.33 * min(canvas.width, canvas.height)
    shares = dice.rng.dirichlet(np.full(dice.whole(2, 8), 2))
    start = dice.between(0, 360)
    for place, share in enumerate(shares.tolist()):
        end = start + 360 * share
        canvas.draw.pieslice(
            (x - r, y - r, x + r, y + r), start, end, canvas.colours[place % 5], dice.pick([None, "white"])
        )
        middle = np.radians((start + end) / 2)
        if canvas.labelled:
            near, far = ((x + k * r * np.cos(middle), y + k * r * np.sin(middle)) for k in (1.02, 1.12))
            canvas.draw.line((*near, *far), canvas.colours[place % 5])
            canvas.label(x + 1.25 * r * np.cos(middle), y + 1.2 * r * np.sin(middle))
        start = end
    if dice.chance(0.6):
        hole = r * dice.between(0.4, 0.75)
        canvas.draw.ellipse((x - hole, y - hole, x + hole, y + hole), canvas.picture.getpixel((1, 1)))


def _draw_gauge(canvas: _Canvas, dice: Dice) -> None:
    """A part of a ring with ticks, figures, a pointer and the value below."""
    x, y, r = canvas.width / 2, canvas.height * 0.55, 0.4 * min(canvas.width, canvas.height)
    thick = max(3, round(r * dice.between(0.04, 0.2)))
    canvas.draw.arc((x - r, y - r, x + r, y + r), 135, 405, (200, 205, 220), thick)
    share = dice.between(0.1, 0.95)
    canvas.draw.arc((x - r, y - r, x + r, y + r), 135, 135 + 270 * share, canvas.colours[0], thick)
    for tick in range(11):
        angle = np.radians(135 + 27 * tick)
        near, far = ((x + k * np.cos(angle), y + k * np.sin(angle)) for k in (r - thick - 4, r - thick - 0.08 * r))
        canvas.draw.line((*near, *far), canvas.ink)
        place = x + (0.75 * r - thick) * np.cos(angle), y + (0.75 * r - thick) * np.sin(angle)
        canvas.draw.text(place, str(10 * tick), canvas.ink, canvas.font, anchor="mm")
    angle = np.radians(135 + 270 * share)
    canvas.draw.line(
        (x, y, x + 0.6 * r * np.cos(angle), y + 0.6 * r * np.sin(angle)), canvas.colours[0], thick // 3 + 1
    )
    canvas.draw.text((x, y + 0.6 * r), f"{100 * share:.0f}", canvas.ink, canvas.font, anchor="mm")


def _draw_funnel(canvas: _Canvas, dice: Dice) -> None:
    """Bands that get narrower, or wider: a funnel, a pyramid."""
    steps = dice.whole(3, 7)
    widths = np.linspace(dice.between(0.7, 0.9), dice.between(0, 0.3), steps + 1) * canvas.width
    if dice.chance(0.3):
        widths = widths[::-1]
    top, height = 0.12 * canvas.height, 0.76 * canvas.height / steps
    for place in range(steps):
        y = top + place * height
        left, right = (canvas.width - widths[place : place + 2]) / 2, (canvas.width + widths[place : place + 2]) / 2
        corners = [(left[0], y), (right[0], y), (right[1], y + height - 2), (left[1], y + height - 2)]
        canvas.draw.polygon([(float(a), float(b)) for a, b in corners], canvas.colours[place % 5])
        canvas.label(canvas.width / 2 if dice.chance(0.5) else float(right[0]) + 8, y + height / 2, "lm")


def _draw_tree_map(canvas: _Canvas, dice: Dice) -> None:
    """A rectangle that is split again and again, each part of one colour with its name."""
    boxes: list[Box] = [(0.05 * canvas.width, 0.1 * canvas.height, 0.95 * canvas.width, 0.9 * canvas.height)]
    while len(boxes) < dice.whole(4, 14):
        split_largest(boxes, dice)
    edge = dice.pick([None, (255, 255, 255)])
    for place, box in enumerate(boxes):
        canvas.draw.rectangle(box, canvas.colours[place % 5], edge, 2)
        canvas.label((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)


def _draw_flow(canvas: _Canvas, dice: Dice) -> None:
    """Columns of bars with broad pale bands between them."""
    columns = dice.whole(2, 4)
    bars: list[list[tuple[float, float, float]]] = []
    for column in range(columns):
        tops = np.sort(dice.rng.uniform(0.1, 0.8, dice.whole(1, 4)))
        x = (0.06 + 0.84 * column / max(1, columns - 1)) * canvas.width
        bars.append([(x, top * canvas.height, dice.between(0.06, 0.16) * canvas.height) for top in tops.tolist()])
    for left, right in itertools.pairwise(bars):
        for x, top, tall in left:
            end, other, _ = dice.pick(right)
            across = np.linspace(0, 1, 20)
            bend = top + (other - top) * (3 * across**2 - 2 * across**3)
            upper = list(zip((x + across * (end - x)).tolist(), bend.tolist(), strict=True))
            canvas.draw.polygon(
                [*upper, *[(a, b + tall) for a, b in upper[::-1]]], dice.pick([(215, 215, 215), (200, 210, 230)])
            )
    for one in bars:
        for place, (x, top, tall) in enumerate(one):
            canvas.draw.rectangle((x, top, x + 0.025 * canvas.width, top + tall), canvas.colours[place % 5])
            canvas.label(x + 0.03 * canvas.width, top + tall / 2, "lm")


def _draw_net(canvas: _Canvas, dice: Dice) -> None:
    """A radar: nested polygons, spokes with names, one to three shapes over them."""
    x, y, r, count = canvas.width / 2, canvas.height / 2, 0.36 * min(canvas.width, canvas.height), dice.whole(3, 8)
    angles = np.linspace(0, 2 * np.pi, count + 1)[:-1] - np.pi / 2

    def place(radii: float | NDArray[np.float64]) -> list[tuple[float, float]]:
        return list(zip((x + radii * np.cos(angles)).tolist(), (y + radii * np.sin(angles)).tolist(), strict=True))

    for level in range(1, 6):
        canvas.draw.polygon(place(r * level / 5), None, (170, 175, 190))
    for spoke, name in zip(place(r), place(1.14 * r), strict=True):
        canvas.draw.line((x, y, *spoke), (170, 175, 190))
        canvas.label(*name)
    sheet = ImageDraw.Draw(canvas.picture, "RGBA")
    for shape in range(dice.whole(1, 3)):
        colour = canvas.colours[shape]
        sheet.polygon(place(r * dice.rng.uniform(0.2, 1, count)), (*colour, dice.pick([60, 160])), colour)


def _draw_candles(canvas: _Canvas, dice: Dice) -> None:
    """Courses of shares: boxes with a line through them, on faint lines."""
    count = dice.whole(5, 40)
    for level in range(1, 6):
        canvas.draw.line((0, level * canvas.height / 6, canvas.width, level * canvas.height / 6), (150, 155, 170))
    values = 0.5 * canvas.height + np.cumsum(dice.rng.normal(0, canvas.height / 30, count + 1))
    up, down = dice.pick([((235, 84, 84), (71, 178, 98)), ((38, 166, 154), (239, 83, 80))])
    step = canvas.width / (count + 1)
    for place in range(count):
        x, (first, last) = (place + 0.7) * step, (float(value) for value in values[place : place + 2])
        colour, reach = up if last < first else down, dice.between(3, 25)
        canvas.draw.line((x, min(first, last) - reach, x, max(first, last) + reach), colour)
        canvas.draw.rectangle((x - 0.3 * step, min(first, last), x + 0.3 * step, max(first, last) + 1), colour)


def _draw_cells(canvas: _Canvas, dice: Dice) -> None:
    """A matrix of one colour's shades with names at two sides: heat, months and days, correlations."""
    rows, columns = dice.whole(3, 12), dice.whole(4, 20)
    left, top = 0.12 * canvas.width, 0.1 * canvas.height
    across, down = 0.82 * canvas.width / columns, 0.75 * canvas.height / rows
    low, high = np.array(dice.pick([(255, 255, 230), canvas.colours[1]])), np.array(canvas.colours[0])
    figures, gap = dice.chance(0.5), dice.pick([0, 1, 3])
    for row in range(rows):
        canvas.label(left - 4, top + (row + 0.5) * down, "rm")
        for column in range(columns):
            share, x, y = dice.between(0, 1), left + column * across, top + row * down
            red, green, blue = (low + share * (high - low)).astype(int).tolist()
            canvas.draw.rectangle((x, y, x + across - gap, y + down - gap), (red, green, blue))
            if figures:
                centre = x + across / 2, y + down / 2
                canvas.draw.text(centre, f"{100 * share:.0f}", (40, 40, 40), canvas.font, anchor="mm")


_WAYS: list[Callable[[_Canvas, Dice], None]] = [
    _draw_ring, _draw_ring, _draw_gauge, _draw_funnel, _draw_tree_map, _draw_flow, _draw_net, _draw_candles,
    _draw_cells,
]  # fmt: skip
