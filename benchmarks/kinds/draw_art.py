"""Drawings and cartoons: clip art on plain and drawn grounds, comic panels, scenes of shapes, filtered photographs."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.draw_flat_art import draw_flat
from benchmarks.kinds.stock import Sorts, Stock


def _draw_single(stock: Stock, dice: Dice) -> Image.Image:
    """One figure or thing, filling the picture, mostly on white; in colours, with or without lines, or in ink only."""
    height = dice.whole(180, 700)
    figure = stock.draw_clipart(dice, height)
    rim = round(height * dice.pick([0.02, dice.between(0, 0.3), dice.between(0, 1)]))
    ground = (255, 255, 255) if dice.chance(0.75) else dice.colour()
    picture = Image.new("RGB", (figure.width + 2 * rim, height + 2 * rim), ground)
    picture.paste(figure, (rim, rim), figure)
    way = dice.between(0, 1)
    if way < 0.15:
        return _keep_outlines(picture, dice)
    return _trace_outlines(picture, dice) if way < 0.45 else picture


def _trace_outlines(picture: Image.Image, dice: Dice) -> Image.Image:
    """As coloured by hand in a cartoon: a few flat colours and a black line of one width around each."""
    side = max(2, round(max(picture.size) * dice.between(0.004, 0.012)))
    colours = np.asarray(picture.quantize(dice.whole(4, 12), dither=Image.Dither.NONE).convert("RGB")).copy()
    colours = cv2.medianBlur(colours, 5)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    edges = cv2.morphologyEx(colours, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8)).max(-1)
    colours[cv2.dilate((edges > dice.whole(20, 60)).astype(np.uint8), brush) > 0] = 0
    return Image.fromarray(colours)


def _draw_silhouette(stock: Stock, dice: Dice) -> Image.Image:
    """Figures in one colour, as cut out of paper: one, or several sizes of it."""
    width, height = dice.whole(180, 640), dice.whole(180, 640)
    picture = Image.new("RGB", (width, height), (255, 255, 255) if dice.chance(0.8) else dice.pale())
    ink = (0, 0, 0) if dice.chance(0.6) else dice.colour(0, 200)
    for _ in range(dice.pick([1, 1, 2, 4])):
        figure = stock.draw_clipart(dice, round(height * dice.between(0.4, 0.95)))
        place = round(dice.between(0, 1) * (width - figure.width)), round(dice.between(0, 1) * (height - figure.height))
        picture.paste(Image.new("RGB", figure.size, ink), place, figure)
    return picture


def _draw_small(stock: Stock, dice: Dice) -> Image.Image:
    """A small thing or a row of things on much white, as clip art is often saved."""
    width, height = dice.whole(240, 800), dice.whole(240, 800)
    picture = Image.new("RGB", (width, height), (255, 255, 255))
    left, top = dice.between(0, 0.7) * width, dice.between(0, 0.7) * height
    for _ in range(dice.pick([1, 1, 2, 3])):
        figure = stock.draw_clipart(dice, round(height * dice.between(0.1, 0.3)))
        picture.paste(figure, (round(left), round(top)), figure)
        left += figure.width * dice.between(1, 1.4)
    return _trace_outlines(picture, dice) if dice.chance(0.3) else picture


def _keep_outlines(picture: Image.Image, dice: Dice) -> Image.Image:
    """As drawn with a pen: the edges of the picture's colours, black on white."""
    grey = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2GRAY)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    lines = np.where(edges > dice.whole(15, 50), 0, 255).astype(np.uint8)
    return Image.fromarray(cv2.GaussianBlur(lines, (3, 3), 0)).convert("RGB")


def _draw_scene(stock: Stock, dice: Dice) -> Image.Image:
    """Sky, hills, houses, trees, a sun, and figures in front."""
    width, height = dice.whole(380, 1000), dice.whole(300, 760)
    picture = _paint_ground(dice, (width, height))
    for _ in range(dice.whole(1, 5)):
        figure = stock.draw_clipart(dice, round(height * dice.between(0.2, 0.75)))
        place = dice.whole(-30, max(1, width - figure.width // 2)), dice.whole(0, max(1, height - figure.height))
        picture.paste(figure, place, figure)
    if dice.chance(0.3):
        _draw_balloon(ImageDraw.Draw(picture), stock, dice, (width, height))
    return _keep_outlines(picture, dice) if dice.chance(0.15) else picture


def _paint_ground(dice: Dice, size: tuple[int, int]) -> Image.Image:
    """A drawn landscape, flat or shaded, or a plain pattern."""
    width, height = size
    top, bottom = np.array(dice.colour(60, 255)), np.array(dice.colour(60, 255))
    if dice.chance(0.4):
        bottom = top
    blend = np.linspace(0, 1, height)[:, None, None]
    picture = Image.fromarray(np.broadcast_to(top * (1 - blend) + bottom * blend, (height, width, 3)).astype(np.uint8))
    draw, outline = ImageDraw.Draw(picture), dice.pick([None, None, (0, 0, 0)])
    if dice.chance(0.5):
        x, y, r = dice.between(0, width), dice.between(0, height * 0.4), dice.between(20, 80)
        draw.ellipse(
            (x - r, y - r, x + r, y + r), dice.pick([(255, 220, 60), (250, 250, 240), (255, 140, 60)]), outline
        )
    for layer in range(dice.whole(1, 4)):
        level = height * (0.45 + 0.15 * layer)
        across = np.linspace(0, width, 30)
        hills = level + height * 0.08 * np.sin(across / width * dice.between(2, 14) + dice.between(0, 6))
        if dice.chance(0.3):
            hills = level - dice.rng.uniform(0, height * 0.3, 30)
        draw.polygon(
            [(0, height), *zip(across.tolist(), hills.tolist(), strict=True), (width, height)],
            dice.colour(20, 230),
            outline,
        )
    for _ in range(dice.whole(0, 7)):
        _draw_thing(draw, dice, size, outline)
    return picture


def _draw_thing(draw: ImageDraw.ImageDraw, dice: Dice, size: tuple[int, int], outline: RGB | None) -> None:
    """A house, a tree or a cloud."""
    x, y, s = dice.between(0, size[0]), dice.between(size[1] * 0.4, size[1]), dice.between(0.08, 0.25) * size[1]
    match dice.whole(0, 2):
        case 0:
            draw.rectangle((x, y - s, x + s, y), dice.colour(80, 250), outline)
            draw.polygon(
                [(x - s * 0.1, y - s), (x + s * 1.1, y - s), (x + s / 2, y - s * 1.6)], dice.colour(60, 220), outline
            )
            draw.rectangle((x + s * 0.2, y - s * 0.7, x + s * 0.45, y - s * 0.4), (255, 245, 180), outline)
        case 1:
            draw.rectangle((x - s * 0.07, y - s, x + s * 0.07, y), (110, 70, 40), outline)
            draw.ellipse((x - s * 0.4, y - s * 1.7, x + s * 0.4, y - s * 0.7), (50, dice.whole(110, 200), 60), outline)
        case _:
            for offset in (0, 0.4, 0.8):
                draw.ellipse((x + s * offset, s, x + s * (offset + 0.7), s * 1.6), (255, 255, 255), outline)


def _draw_balloon(draw: ImageDraw.ImageDraw, stock: Stock, dice: Dice, size: tuple[int, int]) -> None:
    font = stock.font(dice, size[1] * dice.between(0.03, 0.06), "comic|patrick|Intuitive|Amatic")
    text = "\n".join(dice.words(dice.whole(1, 3)).upper() for _ in range(dice.whole(1, 3)))
    x, y = dice.between(0.05, 0.5) * size[0], dice.between(0.03, 0.3) * size[1]
    left, top, right, bottom = draw.multiline_textbbox((x, y), text, font)
    draw.polygon(
        [((left + right) / 2 - 8, bottom), ((left + right) / 2 + 10, bottom), (left, bottom + 40)], "white", (0, 0, 0)
    )
    draw.ellipse((left - 22, top - 14, right + 22, bottom + 14), "white", (0, 0, 0), 2)
    draw.multiline_text((x, y), text, (0, 0, 0), font, align="center")


def _draw_comic(stock: Stock, dice: Dice) -> Image.Image:
    """Panels with figures and speech balloons, in colour or in ink."""
    columns, rows = dice.pick([(3, 1), (4, 1), (2, 2), (2, 3), (1, 2)])
    side, gap = dice.whole(180, 340), dice.whole(4, 14)
    picture = Image.new("RGB", (columns * (side + gap) + gap, rows * (side + gap) + gap), "white")
    ink = dice.chance(0.35)
    for place in range(columns * rows):
        panel = Image.new("RGB", (side, side), "white") if ink else _paint_ground(dice, (side, side))
        for _ in range(dice.whole(1, 2)):
            figure = stock.draw_clipart(dice, round(side * dice.between(0.4, 0.75)))
            panel.paste(figure, (dice.whole(0, max(1, side - figure.width)), side - figure.height), figure)
        if ink:
            panel = _keep_outlines(panel, dice)
        draw = ImageDraw.Draw(panel)
        if dice.chance(0.8):
            _draw_balloon(draw, stock, dice, (side, side))
        draw.rectangle((0, 0, side - 1, side - 1), outline=(0, 0, 0), width=2)
        picture.paste(panel, (gap + place % columns * (side + gap), gap + place // columns * (side + gap)))
    return picture


def _draw_logo(stock: Stock, dice: Dice) -> Image.Image:
    """A sign, a flag, a badge or an icon: a few flat shapes, sometimes one word."""
    width, height = dice.whole(160, 640), dice.whole(160, 480)
    picture = Image.new("RGB", (width, height), dice.pick([(255, 255, 255), dice.colour()]))
    draw = ImageDraw.Draw(picture)
    for _ in range(dice.whole(1, 6)):
        x, y, r = dice.between(0.2, 0.8) * width, dice.between(0.2, 0.8) * height, dice.between(0.08, 0.4) * height
        colour, line = dice.colour(), dice.pick([None, (0, 0, 0), (255, 255, 255)])
        match dice.whole(0, 3):
            case 0:
                draw.ellipse((x - r, y - r, x + r, y + r), colour, line, 3)
            case 1:
                draw.rectangle((x - r, y - r / 2, x + r, y + r / 2), colour, line, 3)
            case 2:
                draw.regular_polygon((x, y, r), dice.whole(3, 8), dice.whole(0, 90), colour, line)
            case _:
                angles = np.linspace(0, 2 * np.pi, 11)[:-1]
                radii = r * np.where(np.arange(10) % 2, 0.4, 1)
                draw.polygon(
                    list(
                        zip((x + radii * np.sin(angles)).tolist(), (y - radii * np.cos(angles)).tolist(), strict=True)
                    ),
                    colour,
                    line,
                )
    if dice.chance(0.3):
        font = stock.font(dice, height / 6, "Black|Fredoka|anton|Bold")
        draw.text((width / 2, height * 0.85), dice.words(1), dice.colour(), font, anchor="mm")
    return picture


def _draw_like_cartoon(stock: Stock, dice: Dice) -> Image.Image:
    """A photograph redrawn: a few flat colours, with or without black outlines; a painting's strokes; a pencil's."""
    pixels = np.asarray(stock.photograph(dice))
    way = dice.between(0, 1)
    if way < 0.3:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        smooth = cv2.GaussianBlur(255 - grey, (0, 0), dice.between(3, 9))
        pencil = cv2.divide(grey, 255 - np.minimum(smooth, 250), scale=240)
        return Image.fromarray(pencil).convert("RGB")
    smooth = pixels
    for _ in range(3):
        smooth = cv2.bilateralFilter(smooth, 9, 60, 9)
    if way < 0.75:
        levels = dice.whole(4, 8)
        flat = Image.fromarray(cv2.medianBlur(smooth, 7)).quantize(levels * 3, dither=Image.Dither.NONE).convert("RGB")
        drawn = np.asarray(flat).copy()
        if dice.chance(0.7):
            grey = cv2.medianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), 7)
            lines = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, dice.whole(3, 7))
            drawn[lines == 0] = 0
        return Image.fromarray(drawn)
    return Image.fromarray(_paint_strokes(smooth, dice))


def _paint_strokes(pixels: NDArray[Any], dice: Dice) -> NDArray[Any]:
    """Short strokes of a brush in the picture's colours, coarse ones first."""
    height, width = pixels.shape[:2]
    canvas = cv2.GaussianBlur(pixels, (0, 0), 12)
    for size in (dice.whole(12, 20), dice.whole(5, 9)):
        for _ in range(height * width // (size * size) * 2):
            x, y = dice.whole(0, width - 1), dice.whole(0, height - 1)
            angle = dice.between(0, np.pi)
            end = round(x + size * 1.6 * np.cos(angle)), round(y + size * 1.6 * np.sin(angle))
            colour = (pixels[y, x].astype(int) + dice.whole(-14, 14)).clip(0, 255).tolist()
            cv2.line(canvas, (x, y), end, colour, max(1, size // 3), cv2.LINE_AA)
    return canvas


SORTS: Sorts = {
    "single things": (7, _draw_single),
    "scenes": (3, _draw_scene),
    "comics": (2, _draw_comic),
    "signs": (1, _draw_logo),
    "flat": (3, draw_flat),
    "silhouettes": (1, _draw_silhouette),
    "small things": (1, _draw_small),
    "redrawn photographs": (2, _draw_like_cartoon),
}
