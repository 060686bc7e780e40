"""Flat drawings without a figure in front: clocks, cards, arrows, boards, patterns, notices, greetings, fireworks."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.stock import Stock

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def draw_flat(stock: Stock, dice: Dice) -> Image.Image:
    """One of the ways below."""
    return dice.pick(_WAYS)(stock, dice)


def _start(dice: Dice, ratio: float) -> tuple[Image.Image, ImageDraw.ImageDraw, int, int]:
    """An empty picture, what draws in it, its width and its height."""
    width = dice.whole(160, 640)
    height = round(width * ratio)
    picture = Image.new("RGB", (width, height), _WHITE if dice.chance(0.8) else dice.colour())
    return picture, ImageDraw.Draw(picture), width, height


def _draw_clock(stock: Stock, dice: Dice) -> Image.Image:
    """A dial: a ring, ticks, two or three hands, perhaps figures."""
    picture, draw, width, height = _start(dice, dice.between(0.9, 1.3))
    x, y, radius, colour = width / 2, height / 2, 0.46 * min(width, height), dice.colour(0, 200)
    ring = max(2, round(radius * dice.between(0.02, 0.14)))
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), dice.pick([_WHITE, dice.pale()]), colour, ring)
    font = stock.font(dice, radius * 0.2)
    figures = dice.chance(0.5)
    for hour in range(12):
        angle = hour * np.pi / 6
        across, up = np.sin(angle), -np.cos(angle)
        if figures:
            place = x + 0.75 * radius * across, y + 0.75 * radius * up
            draw.text(place, str(hour or 12), colour, font, anchor="mm")
        else:
            inner, outer = (radius * share - ring for share in (0.85, 0.97))
            line = x + inner * across, y + inner * up, x + outer * across, y + outer * up
            draw.line(line, colour, max(1, ring // 2))
    for length, thick in ((0.5, 0.06), (0.75, 0.04), (0.8, 0.01))[: dice.whole(2, 3)]:
        angle = dice.between(0, 2 * np.pi)
        end = x + length * radius * np.sin(angle), y - length * radius * np.cos(angle)
        draw.line((x, y, *end), colour, max(1, round(thick * radius)))
    return picture


def _draw_card(stock: Stock, dice: Dice) -> Image.Image:
    """A playing card: a rounded sheet, the same small sign several times, figures in two corners."""
    picture, draw, width, height = _start(dice, 1.4)
    colour, paper = dice.pick([(200, 20, 30), _BLACK, dice.colour(0, 180)]), dice.pick([_WHITE, (255, 252, 235)])
    edge = 0.02 * width
    draw.rounded_rectangle((edge, edge, width - edge, height - edge), 0.08 * width, paper, _BLACK, 2)
    if dice.chance(0.4):
        draw.rectangle((0.16 * width, 0.12 * height, 0.84 * width, 0.88 * height), None, colour, 2)
    sign = stock.draw_clipart(dice, round(0.15 * height))
    rows, columns = dice.whole(1, 4), dice.whole(1, 3)
    for place in range(rows * columns):
        across = (place % columns + 1) / (columns + 1) * width - sign.width / 2
        down = (place // columns + 1) / (rows + 1) * height - sign.height / 2
        picture.paste(sign, (round(across), round(down)), sign)
    font, figure = stock.font(dice, height * 0.1, "Bold|Black|700"), dice.pick("A23456789JQK")
    for x, y in ((0.1, 0.08), (0.9, 0.92)):
        draw.text((x * width, y * height), figure, colour, font, anchor="mm")
    return picture


def _draw_arrow(stock: Stock, dice: Dice) -> Image.Image:
    """An arrow, a button or a shield in one colour that gets lighter, with an edge."""
    width, height = dice.whole(160, 600), dice.whole(160, 600)
    light, dark = np.array(dice.colour(120, 255)), np.array(dice.colour(0, 160))
    blend = np.linspace(0, 1, height)[:, None, None] ** dice.between(0.5, 2)
    filling = np.broadcast_to(light * (1 - blend) + dark * blend, (height, width, 3)).astype(np.uint8)
    mask = Image.new("L", (width, height), 0)
    outline = dice.pick([
        [(0.5, 0.03), (0.95, 0.4), (0.7, 0.4), (0.7, 0.96), (0.3, 0.96), (0.3, 0.4), (0.05, 0.4)],
        [(0.1, 0.05), (0.9, 0.05), (0.9, 0.6), (0.5, 0.96), (0.1, 0.6)],
        [(0.5, 0.05), (0.95, 0.5), (0.5, 0.95), (0.05, 0.5)],
        [(0.05, 0.3), (0.95, 0.3), (0.95, 0.7), (0.05, 0.7)],
    ])  # fmt: skip
    points = [(x * width, y * height) for x, y in outline]
    ImageDraw.Draw(mask).polygon(points, 255)
    picture = Image.new("RGB", (width, height), _WHITE)
    picture.paste(Image.fromarray(filling), mask=mask)
    edge = _BLACK if dice.chance(0.4) else (int(dark[0]) // 2, int(dark[1]) // 2, int(dark[2]) // 2)
    ImageDraw.Draw(picture).line([*points, points[0]], edge, dice.whole(1, 7), joint="curve")
    return picture.rotate(dice.pick([0, 90, 180, 270]), expand=True)


def _draw_board(stock: Stock, dice: Dice) -> Image.Image:
    """A chessboard or tiles, plain or hatched, with things on some of the squares."""
    count = dice.whole(3, 9)
    side = dice.whole(160, 640) // count
    picture = Image.new("RGB", (side * count, side * count), _WHITE)
    draw, colours = ImageDraw.Draw(picture), [dice.pick([_WHITE, dice.colour()]), dice.pick([_BLACK, dice.colour()])]
    things = [stock.draw_clipart(dice, round(side * 0.8)) for _ in range(dice.whole(1, 3))]
    hatched, outline, share = dice.chance(0.4), dice.pick([None, _BLACK]), dice.between(0, 0.6)
    for place in range(count * count):
        x, y = place % count * side, place // count * side
        dark = (place % count + place // count) % 2
        draw.rectangle((x, y, x + side, y + side), _WHITE if hatched else colours[dark], outline)
        if hatched and dark:
            for step in range(0, side, 6):
                draw.line((x + step, y, x, y + step), colours[1])
                draw.line((x + side, y + step, x + step, y + side), colours[1])
        if dice.chance(share):
            thing = dice.pick(things)
            picture.paste(thing, (x + (side - thing.width) // 2, y + side // 10), thing)
    return picture


def _draw_pattern(stock: Stock, dice: Dice) -> Image.Image:
    """The same thing again and again, in rows that may be shifted."""
    picture, _, width, height = _start(dice, dice.between(0.6, 1.4))
    thing = stock.draw_clipart(dice, round(height * dice.between(0.12, 0.4)))
    step, shift = (round(thing.width * dice.between(1, 1.5)), round(thing.height * 1.1)), dice.chance(0.5)
    for row, y in enumerate(range(0, height, step[1])):
        for x in range(-(row % 2 * step[0] // 2 if shift else 0), width, step[0]):
            picture.paste(thing, (x, y), thing)
    return picture


def _draw_notice(stock: Stock, dice: Dice) -> Image.Image:
    """A sign by the road or on a door: a bold frame, a figure or a symbol, one or two large words."""
    picture, draw, width, height = _start(dice, dice.between(0.4, 1.5))
    ground = dice.pick([(0, 90, 180), (200, 20, 30), (250, 210, 0), (0, 120, 60), _WHITE])
    ink = _BLACK if sum(ground) > 400 else _WHITE
    edge, frame = 0.04 * min(width, height), max(2, round(0.03 * min(width, height)))
    draw.rounded_rectangle((edge, edge, width - edge, height - edge), dice.pick([0, 2, 3]) * edge, ground, ink, frame)
    if dice.chance(0.7):
        symbol = stock.draw_clipart(dice, round(height * dice.between(0.35, 0.65)))
        mask = symbol.getchannel("A")
        if dice.chance(0.5):
            symbol = Image.new("RGB", symbol.size, ink)
        picture.paste(symbol, (round((width - symbol.width) / 2), round(0.12 * height)), mask)
    for line in range(dice.whole(0, 2)):
        font = stock.font(dice, height * 0.1, "Bold|Black|700|anton")
        draw.text((width / 2, height * (0.78 + 0.1 * line)), dice.words(dice.whole(1, 2)), ink, font, anchor="mm")
    return picture


def _draw_greeting(stock: Stock, dice: Dice) -> Image.Image:
    """A card for a feast: a border of dots or small things, a few centred lines, one or two figures in the corners."""
    picture, draw, width, height = _start(dice, dice.between(0.6, 1.4))
    colour: RGB = dice.colour(0, 200)
    bead = max(2, width // 90)
    for x in range(3 * bead, width - 3 * bead, 4 * bead):
        for y in (3 * bead, height - 3 * bead):
            draw.ellipse((x - bead, y - bead, x + bead, y + bead), colour)
    for y in range(3 * bead, height - 3 * bead, 4 * bead):
        for x in (3 * bead, width - 3 * bead):
            draw.ellipse((x - bead, y - bead, x + bead, y + bead), colour)
    font = stock.font(dice, height * dice.between(0.05, 0.11), "Fredoka|Amatic|comic|patrick|Intuitive|Serif")
    for line in range(dice.whole(1, 3)):
        place = width / 2, height * (0.2 + 0.14 * line)
        draw.text(place, dice.words(dice.whole(1, 4)).title(), colour, font, anchor="mm")
    for share in dice.pick([(0.12, 0.6), (0.35,), (0.6,)]):
        figure = stock.draw_clipart(dice, round(height * dice.between(0.2, 0.4)))
        picture.paste(figure, (round(share * width), round(0.9 * height - figure.height)), figure)
    return picture


def _draw_fireworks(stock: Stock, dice: Dice) -> Image.Image:
    """Rays from a few points on a dark or a plain ground: fireworks, suns, splashes."""
    width, height = dice.whole(200, 640), dice.whole(160, 520)
    picture = Image.new("RGB", (width, height), dice.pick([_BLACK, (10, 10, 50), _WHITE, dice.colour()]))
    draw = ImageDraw.Draw(picture)
    for _ in range(dice.whole(1, 5)):
        x, y, colour = dice.between(0.1, 0.9) * width, dice.between(0.1, 0.8) * height, dice.colour(60, 255)
        for _ in range(dice.whole(12, 70)):
            angle, length = dice.between(0, 2 * np.pi), dice.between(0.1, 0.35) * height
            end = x + length * np.cos(angle), y + length * np.sin(angle)
            draw.line((x, y, *end), colour, dice.whole(1, 3))
    return picture


_WAYS: list[Callable[[Stock, Dice], Image.Image]] = [
    _draw_clock, _draw_card, _draw_arrow, _draw_board, _draw_pattern, _draw_notice, _draw_greeting, _draw_fireworks,
]  # fmt: skip
