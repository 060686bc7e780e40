"""Charts as web sites and offices draw them, and diagrams of boxes and arrows, by Pillow."""

import itertools

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.stock import Stock


def draw_plainly(stock: Stock, dice: Dice) -> Image.Image:
    """Bars, lines, areas, points, slices or tiles as web sites and offices draw them: flat, few lines, any colours."""
    width, height = dice.whole(360, 1000), dice.whole(260, 700)
    paper = dice.pick([(255, 255, 255), (255, 255, 255), dice.pale(), dice.dark()])
    ink = (200, 200, 200) if sum(paper) < 300 else dice.pick([(90, 90, 90), (30, 30, 30)])
    picture = Image.new("RGB", (width, height), paper)
    draw, font = ImageDraw.Draw(picture), stock.font(dice, dice.between(0.025, 0.045) * height, "Lato|Source|inter")
    colours = [dice.colour(30, 240) for _ in range(6)]
    box = (
        width * dice.between(0.06, 0.14),
        height * dice.between(0.06, 0.2),
        width * dice.between(0.7, 0.97),
        height * 0.87,
    )
    _write_legend(draw, stock, dice, box, colours, ink, font)
    if dice.chance(0.25):
        dice.pick([_paint_slices, _paint_tiles])(draw, dice, box, colours, paper)
        return picture
    _draw_grid(draw, dice, box, ink, paper, font)
    dice.pick([_paint_bars, _paint_bars, _paint_series, _paint_series, _paint_marks])(draw, dice, box, colours, paper)
    if dice.chance(0.7):
        draw.line((box[0], box[3], box[2], box[3]), ink, dice.whole(1, 2))
        for x in np.linspace(box[0], box[2], dice.whole(3, 9)).tolist():
            draw.text((x, box[3] + 5), dice.pick([dice.words(1), str(dice.whole(1990, 2030))]), ink, font, anchor="ma")
    return picture


Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont


def _write_legend(
    draw: ImageDraw.ImageDraw, stock: Stock, dice: Dice, box: Box, colours: list[Colour], ink: Colour, font: Font
) -> None:
    """A title, and names of colours at the right."""
    width, height = draw.im.size
    if dice.chance(0.7):
        place = dice.pick([width / 2, box[0]]), 6
        draw.text(place, dice.words(3).capitalize(), ink, stock.font(dice, height * 0.055, "Bold|700"), anchor="la")
    if dice.chance(0.5):
        for row, colour in enumerate(colours[: dice.whole(2, 5)]):
            draw.rectangle((width - 80, box[1] + 22 * row, width - 68, box[1] + 12 + 22 * row), colour)
            draw.text((width - 62, box[1] + 22 * row - 2), dice.words(1), ink, font)


def _draw_grid(draw: ImageDraw.ImageDraw, dice: Dice, box: Box, ink: Colour, paper: Colour, font: Font) -> None:
    faint = tuple((np.array(ink) + 3 * np.array(paper)) // 4)
    if dice.chance(0.75):
        for y in np.linspace(box[1], box[3], dice.whole(4, 8)).tolist():
            draw.line((box[0], y, box[2], y), faint)
            draw.text((box[0] - 5, y), str(dice.whole(0, 900)), ink, font, anchor="rm")
    if dice.chance(0.3):
        for x in np.linspace(box[0], box[2], dice.whole(4, 8)).tolist():
            draw.line((x, box[1], x, box[3]), faint)


def _paint_bars(draw: ImageDraw.ImageDraw, dice: Dice, box: Box, colours: list[Colour], paper: Colour) -> None:
    count, groups, flat = dice.whole(2, 14), dice.whole(1, 3), dice.chance(0.3)
    span = (box[3] - box[1] if flat else box[2] - box[0]) / count
    for one in range(count):
        for group in range(groups):
            start = one * span + span * (0.1 + 0.8 * group / groups)
            end, value = start + span * 0.75 / groups, dice.between(0.05, 1)
            if flat:
                draw.rectangle(
                    (box[0], box[1] + start, box[0] + value * (box[2] - box[0]), box[1] + end), colours[group]
                )
            else:
                draw.rectangle(
                    (box[0] + start, box[3] - value * (box[3] - box[1]), box[0] + end, box[3]), colours[group]
                )


def _paint_series(draw: ImageDraw.ImageDraw, dice: Dice, box: Box, colours: list[Colour], paper: Colour) -> None:
    filled, dots, count = dice.chance(0.3), dice.chance(0.4), dice.whole(4, 80)
    for series in range(dice.whole(1, 5)):
        walk = np.cumsum(dice.rng.normal(0, 1, count))
        level = (walk - walk.min()) / max(float(np.ptp(walk)), 1e-6) * dice.between(0.3, 0.95)
        points = list(
            zip(np.linspace(box[0], box[2], count).tolist(), (box[3] - level * (box[3] - box[1])).tolist(), strict=True)
        )
        if filled:
            draw.polygon([(box[0], box[3]), *points, (box[2], box[3])], colours[series])
        draw.line(points, colours[series], dice.whole(1, 4), joint="curve")
        for x, y in points if dots else []:
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), colours[series], paper)


def _paint_marks(draw: ImageDraw.ImageDraw, dice: Dice, box: Box, colours: list[Colour], paper: Colour) -> None:
    hollow, largest = dice.chance(0.4), dice.between(3, 16)
    for _ in range(dice.whole(8, 200)):
        x, y, r = dice.between(box[0], box[2]), dice.between(box[1], box[3]), dice.between(2, largest)
        colour = dice.pick(colours[:3])
        draw.ellipse((x - r, y - r, x + r, y + r), None if hollow else colour, colour)


def _paint_slices(draw: ImageDraw.ImageDraw, dice: Dice, box: Box, colours: list[Colour], paper: Colour) -> None:
    shares = dice.rng.dirichlet(np.full(dice.whole(2, 6), 2.0))
    r, x, y = (
        min(box[2] - box[0], box[3] - box[1]) / 2 * dice.between(0.5, 1),
        (box[0] + box[2]) / 2,
        (box[1] + box[3]) / 2,
    )
    start = dice.between(0, 360)
    for colour, share in zip(colours, shares.tolist(), strict=False):
        draw.pieslice(
            (x - r, y - r, x + r, y + r), start, start + 360 * share, colour, paper if dice.chance(0.5) else None
        )
        start += 360 * share
    if dice.chance(0.35):
        draw.ellipse((x - r / 2, y - r / 2, x + r / 2, y + r / 2), paper)


def _paint_tiles(draw: ImageDraw.ImageDraw, dice: Dice, box: Box, colours: list[Colour], paper: Colour) -> None:
    """A tree map or a heat map."""
    if dice.chance(0.5):
        rows, columns, shade = dice.whole(2, 12), dice.whole(3, 16), np.array(dice.pick(colours))
        for row, column in np.ndindex(rows, columns):
            fill = tuple((shade + (np.array(paper) - shade) * dice.between(0, 1)).astype(int).tolist())
            w, h = (box[2] - box[0]) / columns, (box[3] - box[1]) / rows
            draw.rectangle(
                (box[0] + column * w, box[1] + row * h, box[0] + (column + 1) * w, box[1] + (row + 1) * h), fill, paper
            )
        return
    tiles = [box]
    for _ in range(dice.whole(3, 12)):
        split_largest(tiles, dice)
    for tile in tiles:
        draw.rectangle(tile, dice.pick(colours), paper)


def split_largest(boxes: list[Box], dice: Dice) -> None:
    """Put two parts in the place of the largest box, at the end: side by side, or one above the other if it is high."""
    left, top, right, bottom = boxes.pop(int(np.argmax([(one[2] - one[0]) * (one[3] - one[1]) for one in boxes])))
    share = dice.between(0.3, 0.7)
    if right - left > bottom - top:
        middle = left + share * (right - left)
        boxes += [(left, top, middle, bottom), (middle, top, right, bottom)]
    else:
        middle = top + share * (bottom - top)
        boxes += [(left, top, right, middle), (left, middle, right, bottom)]


def draw_diagram(stock: Stock, dice: Dice) -> Image.Image:
    """Boxes in layers, joined by arrows: flow charts, organisations, networks."""
    width, height = dice.whole(420, 1100), dice.whole(320, 900)
    paper, ink = dice.pale(), dice.dark()
    picture = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(picture)
    layers = dice.whole(2, 5)
    font = stock.font(dice, dice.between(0.022, 0.04) * height, "Lato|Source|inter|Intuitive")
    fill = [dice.pick([paper, dice.colour(170, 255), dice.colour(60, 255)]) for _ in range(3)]
    shape, line = dice.pick(["box", "round", "oval", "mixed"]), dice.whole(1, 3)
    across = dice.chance(0.4)  # layers from left to right, not from top to bottom
    nodes: list[list[tuple[float, float]]] = []
    for layer in range(layers):
        count = dice.whole(1, 4)
        along = (layer + 0.5) / layers
        nodes.append(
            [((along, (one + 0.5) / count) if across else ((one + 0.5) / count, along)) for one in range(count)]
        )
    half = 0.3 * width / (layers if across else 4), 0.24 * height / (4 if across else layers)
    for before, after in itertools.pairwise(nodes):
        for target in after:
            _draw_arrow(
                draw, dice.pick(before), target, (width, height), ink, line, bent=not across and dice.chance(0.5)
            )
    for layer_nodes in nodes:
        for x, y in layer_nodes:
            box = x * width - half[0], y * height - half[1], x * width + half[0], y * height + half[1]
            kind = dice.pick(["box", "round", "oval"]) if shape == "mixed" else shape
            _draw_node(draw, kind, box, dice.pick(fill), ink, line)
            draw.text((x * width, y * height), dice.words(dice.whole(1, 2)), ink, font, anchor="mm")
    if dice.chance(0.3):
        draw.text((width / 2, 4), dice.words(4), ink, font, anchor="ma")
    return picture


def _draw_arrow(draw: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], size: tuple[int, int],
                ink: tuple[int, int, int], line: int, *, bent: bool) -> None:  # fmt: skip
    x0, y0, x1, y1 = start[0] * size[0], start[1] * size[1], end[0] * size[0], end[1] * size[1]
    middle = (y0 + y1) / 2
    points = [(x0, y0), (x0, middle), (x1, middle), (x1, y1)] if bent else [(x0, y0), (x1, y1)]
    draw.line(points, ink, line)
    tip = np.array([(points[-1][0] + points[-2][0]) / 2, (points[-1][1] + points[-2][1]) / 2])
    way = np.array(points[-1]) - np.array(points[-2])
    way = way / max(float(np.hypot(*way)), 1e-6) * 9
    side = np.array([-way[1], way[0]]) / 2
    draw.polygon([tuple(tip + way), tuple(tip + side), tuple(tip - side)], ink)


def _draw_node(draw: ImageDraw.ImageDraw, kind: str, box: tuple[float, float, float, float], fill: tuple[int, int, int],
               ink: tuple[int, int, int], line: int) -> None:  # fmt: skip
    if kind == "oval":
        draw.ellipse(box, fill, ink, line)
    else:
        draw.rounded_rectangle(box, 12 if kind == "round" else 0, fill, ink, line)
