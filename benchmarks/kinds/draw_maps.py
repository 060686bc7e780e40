"""Maps: coastlines of Natural Earth, streets, contour lines, transport lines, with labels, legends and scale bars."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.kinds.dice import RGB, Dice
from benchmarks.kinds.stock import Sort, Sorts, Stock

_WATER: list[RGB] = [(170, 211, 223), (163, 204, 255), (190, 220, 240), (120, 170, 210), (220, 232, 240), (38, 50, 70)]
_LAND: list[RGB] = [(242, 239, 233), (245, 243, 240), (235, 230, 210), (250, 250, 245), (225, 235, 210), (30, 34, 40)]
_STRONG: list[RGB] = [(255, 0, 0), (0, 0, 255), (0, 160, 0), (255, 255, 0), (255, 0, 255), (0, 220, 220), (255, 140, 0)]


def _annotate(draw_plain: Callable[[Stock, Dice, tuple[int, int]], Image.Image]) -> Sort:
    """A map as `draw_plain` draws it, sometimes with pins, a route, a scale bar, a legend or buttons."""

    def draw_map(stock: Stock, dice: Dice) -> Image.Image:
        size = dice.whole(360, 1000), dice.whole(300, 900)
        picture = draw_plain(stock, dice, size)
        draw, font = ImageDraw.Draw(picture), stock.font(dice, 13, "Lato|Source|inter")
        for _ in range(dice.whole(1, 8) if dice.chance(0.3) else 0):
            _draw_pin(draw, dice, size)
        if dice.chance(0.25):
            points = np.cumsum(dice.rng.normal(0, 30, (dice.whole(8, 40), 2)), 0) + np.array(size) / 2
            draw.line([tuple(point) for point in points.tolist()], dice.colour(0, 220), dice.whole(3, 6), joint="curve")
        if dice.chance(0.3):
            draw.line((14, size[1] - 16, 104, size[1] - 16), (20, 20, 20), 3)
            draw.text((14, size[1] - 34), f"{dice.whole(1, 50) * 10} km", (20, 20, 20), font)
        if dice.chance(0.25):
            _draw_legend(draw, stock, dice, size)
        if dice.chance(0.25):
            draw.rounded_rectangle((10, 10, 40, 70), 4, "white", (150, 150, 150))
            draw.text((25, 25), "+", (50, 50, 50), font, anchor="mm")
            draw.text((25, 55), "-", (50, 50, 50), font, anchor="mm")
        return picture

    return draw_map


def _draw_pin(draw: ImageDraw.ImageDraw, dice: Dice, size: tuple[int, int]) -> None:
    x, y, r = dice.between(0.1, 0.9) * size[0], dice.between(0.1, 0.9) * size[1], dice.between(6, 14)
    colour = dice.pick([(220, 50, 40), (50, 110, 220), dice.colour()])
    draw.polygon([(x - r * 0.8, y), (x + r * 0.8, y), (x, y + 2 * r)], colour)
    draw.ellipse((x - r, y - r, x + r, y + r), colour)
    draw.ellipse((x - r / 2.5, y - r / 2.5, x + r / 2.5, y + r / 2.5), "white")


def _draw_legend(draw: ImageDraw.ImageDraw, stock: Stock, dice: Dice, size: tuple[int, int]) -> None:
    font, rows = stock.font(dice, 12, "Lato|Source|inter"), dice.whole(3, 6)
    left, top = size[0] - 150, size[1] - 22 * rows - 20
    draw.rectangle((left, top, size[0] - 10, size[1] - 10), "white", (120, 120, 120))
    for row in range(rows):
        draw.rectangle((left + 8, top + 8 + 20 * row, left + 24, top + 20 + 20 * row), dice.colour(60, 240))
        draw.text((left + 32, top + 6 + 20 * row), dice.words(1), (30, 30, 30), font)


def _draw_coasts(stock: Stock, dice: Dice, size: tuple[int, int]) -> Image.Image:
    """A part of the world: countries in one or several colours, borders, a grid, names."""
    water, land = dice.pick(_WATER), dice.pick(_LAND)
    picture = Image.new("RGB", size, water)
    draw = ImageDraw.Draw(picture)
    span = dice.pick([360, 180, 90, 60, 40, 25])
    west = -180 if span == 360 else dice.between(-130, 150 - span / 2)
    south = -70 if span == 360 else dice.between(-40, 60 - span / 3)
    scale = size[0] / span
    border = dice.pick([(150, 130, 150), (255, 255, 255), (90, 90, 90)])
    palette = [dice.colour(90, 250) for _ in range(6)] if dice.chance(0.5) else [land]
    if dice.chance(0.4):
        for degree in range(-180, 181, dice.pick([10, 15, 30])):
            x, y = (degree - west) * scale, size[1] - (degree - south) * scale
            draw.line((x, 0, x, size[1]), border)
            draw.line((0, y, size[0], y), border)
    for ring in stock.shapes["countries-50m"]:
        points = np.stack([(ring[:, 0] - west) * scale, size[1] - (ring[:, 1] - south) * scale], 1)
        if (points.max(0) < 0).any() or (points.min(0) > size).any() or np.ptp(points, 0).max() < 2:
            continue
        draw.polygon([tuple(point) for point in points.tolist()], dice.pick(palette), border)
        if dice.chance(0.7) and np.ptp(points, 0).max() > 50:
            font = stock.font(dice, dice.whole(10, 18), "Lato|Source|inter")
            ink = (235, 235, 235) if sum(land) < 200 else dice.dark()
            draw.text(tuple(points.mean(0).tolist()), dice.words(1).title(), ink, font, anchor="mm")
    return picture


def _draw_areas(stock: Stock, dice: Dice, size: tuple[int, int]) -> Image.Image:
    """Counties or countries in strong colours, in shades of one colour, or as outlines only; the rest left white."""
    ground, line = (
        dice.pick([(255, 255, 255), (255, 255, 255), (215, 215, 215), dice.colour(150, 255)]),
        dice.pick([(0, 0, 0), (60, 60, 60), (255, 255, 255)]),
    )
    picture = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(picture)
    counties = dice.chance(0.6)
    rings = stock.shapes["counties-10m" if counties else "countries-50m"]
    first = dice.pick(rings)
    middle, span = first.mean(0), dice.between(2, 14) if counties else dice.between(15, 140)
    outlines = dice.chance(0.25)
    strong = [dice.colour() if dice.chance(0.6) else dice.pick(_STRONG) for _ in range(dice.whole(3, 9))]
    shade = np.array(dice.colour(0, 200))
    tints = [tuple((shade + (255 - shade) * one).astype(int).tolist()) for one in (0, 0.2, 0.4, 0.6, 0.8)]
    fills = [None] if outlines else dice.pick([strong, _STRONG, tints, [dice.colour(120, 240)]])
    line, thick = (0, 0, 0) if outlines or ground == line else line, dice.whole(1, 3)
    reach = dice.between(0.25, 0.9) * span  # further areas belong to other states, which the map may leave out
    scale, squeeze = size[0] / span, np.cos(np.radians(middle[1]))
    for ring in rings:
        if (np.abs(ring.mean(0) - middle) > reach).any():
            continue
        across = size[0] / 2 + (ring[:, 0] - middle[0]) * scale * squeeze
        points = np.stack([across, size[1] / 2 - (ring[:, 1] - middle[1]) * scale], 1)
        if len(points) > 2 and np.ptp(points, 0).max() > 2:
            draw.polygon([tuple(point) for point in points.tolist()], dice.pick(fills), line, thick)
            if dice.chance(0.15):
                font = stock.font(dice, dice.whole(9, 16), "Lato|Source|inter")
                draw.text(tuple(points.mean(0).tolist()), dice.words(1).title(), (0, 0, 0), font, anchor="mm")
    return picture


def _draw_globe(stock: Stock, dice: Dice, size: tuple[int, int]) -> Image.Image:
    """The earth as a ball, or a part of it in relief: water and land shaded, borders, names."""
    low = cv2.resize(dice.rng.normal(0, 1, (9, 9)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    fine = low + 0.25 * cv2.resize(
        dice.rng.normal(0, 1, (60, 60)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC
    )
    land, water = (
        np.array(dice.pick([(180, 200, 130), (225, 215, 160), (110, 140, 80), (200, 180, 140)])),
        np.array(dice.pick(_WATER[:5])),
    )
    texture = land + 18 * fine[..., None] * np.array([1, 0.9, 0.6])
    picture = Image.fromarray(
        np.broadcast_to(water + 6 * low[..., None], (size[1], size[0], 3)).clip(0, 255).astype(np.uint8)
    )
    ground, mask = Image.fromarray(texture.clip(0, 255).astype(np.uint8)), Image.new("1", size)
    east, north = np.radians(dice.between(-120, 150)), np.radians(dice.between(-30, 60))
    radius = min(size) * dice.pick([0.47, 0.47, 1.2, 2.5])
    draw, borders = ImageDraw.Draw(mask), []
    for ring in stock.shapes["countries-50m"]:
        x, y = np.radians(ring[:, 0]) - east, np.radians(ring[:, 1])
        front = np.sin(north) * np.sin(y) + np.cos(north) * np.cos(y) * np.cos(x) > 0
        up = np.cos(north) * np.sin(y) - np.sin(north) * np.cos(y) * np.cos(x)
        points = np.stack([size[0] / 2 + radius * np.cos(y) * np.sin(x), size[1] / 2 - radius * up], 1)[front]
        if len(points) > 3:
            outline = [tuple(point) for point in points.tolist()]
            draw.polygon(outline, 1)
            borders.append(outline)
    picture.paste(ground, mask=mask)
    draw = ImageDraw.Draw(picture)
    for outline in borders:
        draw.line(outline, dice.pick([(230, 220, 90), (140, 120, 120), (255, 255, 255)]), 1)
    if radius < min(size) / 2:
        outside = Image.new("1", size, 1)
        ImageDraw.Draw(outside).ellipse(
            (size[0] / 2 - radius, size[1] / 2 - radius, size[0] / 2 + radius, size[1] / 2 + radius), 0
        )
        picture.paste(dice.pick([(0, 0, 0), (255, 255, 255)]), mask=outside)
    _write_names(picture, stock, dice, light=False)
    return picture


def _draw_streets(stock: Stock, dice: Dice, size: tuple[int, int]) -> Image.Image:
    """A town: blocks, parks, a river, streets of three widths with names."""
    dark = dice.chance(0.2)
    land = (36, 40, 48) if dark else dice.pick(_LAND[:5])
    canvas = np.full((size[1], size[0], 3), land, np.uint8)
    for _ in range(dice.whole(2, 8)):
        green = dice.pick([(200, 230, 180), (173, 209, 158), (205, 235, 176)]) if not dark else (44, 58, 50)
        cv2.fillPoly(canvas, [_blob(dice, size, dice.between(30, 130))], green)
    if dice.chance(0.6):
        cv2.polylines(canvas, [_wander(dice, size)], False, dice.pick(_WATER[:4]), dice.whole(10, 60), cv2.LINE_AA)
    if dice.chance(0.5):
        _draw_houses(canvas, dice)
    casing = (70, 76, 90) if dark else dice.pick([(200, 195, 190), (180, 180, 180), (222, 216, 208)])
    road = (90, 98, 112) if dark else (255, 255, 255)
    main = dice.pick([(250, 220, 140), (252, 214, 164), (255, 235, 130), (232, 146, 162)])
    turn = dice.between(0, np.pi)
    for colour, width, gap in (
        (road, dice.whole(2, 5), dice.whole(22, 60)),
        (main, dice.whole(6, 11), dice.whole(150, 400)),
    ):
        streets = _street_grid(dice, size, turn, gap)
        for fill, extra in ((casing, 2), (colour, 0)):
            for street in streets:
                cv2.polylines(canvas, [street], False, fill, width + extra, cv2.LINE_AA)
    picture = Image.fromarray(canvas)
    _write_names(picture, stock, dice, light=dark)
    return picture


def _street_grid(dice: Dice, size: tuple[int, int], turn: float, gap: int) -> list[NDArray[np.int32]]:
    """Two families of gently bent lines, some of them broken off."""
    reach, middle = max(size), np.array(size) / 2
    streets, bend = [], dice.between(0, 30)
    for family in range(2):
        angle = turn + family * np.pi / 2 + dice.between(-0.15, 0.15)
        along, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        for offset in np.arange(-reach, reach, gap):
            t = np.linspace(-reach, reach, 40) * dice.pick([1, 1, 0.6, 0.3]) + dice.between(-0.3, 0.3) * reach
            wave = bend * np.sin(t / reach * 4 + dice.between(0, 0.6))
            points = middle + t[:, None] * along + (offset + dice.between(-0.2, 0.2) * gap + wave)[:, None] * aside
            streets.append(points.astype(np.int32))
    return streets


def _draw_houses(canvas: NDArray[np.uint8], dice: Dice) -> None:
    colour = tuple(max(0, int(one) - dice.whole(12, 40)) for one in canvas[0, 0])
    for _ in range(dice.whole(60, 300)):
        x, y = dice.whole(0, canvas.shape[1]), dice.whole(0, canvas.shape[0])
        cv2.rectangle(canvas, (x, y), (x + dice.whole(5, 22), y + dice.whole(5, 22)), colour, -1)


def _blob(dice: Dice, size: tuple[int, int], radius: float) -> NDArray[np.int32]:
    angles = np.linspace(0, 2 * np.pi, dice.whole(5, 24), endpoint=False)
    radii = radius * dice.rng.uniform(0.6, 1.2, len(angles))
    centre = np.array([dice.between(0, size[0]), dice.between(0, size[1])])
    outline: NDArray[np.float64] = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return outline.astype(np.int32)


def _wander(dice: Dice, size: tuple[int, int]) -> NDArray[np.int32]:
    x = np.linspace(-20, size[0] + 20, 60)
    y = size[1] * dice.between(0.2, 0.8) + np.cumsum(dice.rng.normal(0, size[1] / 40, 60))
    points = np.stack([x, y], 1)
    turned: NDArray[np.float64] = points[:, ::-1] if dice.chance(0.4) else points
    return turned.astype(np.int32)


def _write_names(picture: Image.Image, stock: Stock, dice: Dice, *, light: bool) -> None:
    for _ in range(dice.whole(4, 40)):
        font = stock.font(dice, dice.whole(9, 17), "Lato|Source|inter")
        text = dice.words(dice.whole(1, 2)).title()
        label = Image.new("RGBA", (max(4, round(font.getlength(text)) + 6), 24))
        ink = (230, 230, 230) if light else dice.pick([(60, 60, 60), (90, 80, 70), (40, 90, 50), (50, 80, 140)])
        halo = (30, 30, 30) if light else (255, 255, 255)
        ImageDraw.Draw(label).text((3, 2), text, ink, font, stroke_width=dice.whole(0, 2), stroke_fill=halo)
        turned = label.rotate(dice.pick([0, 0, 0, dice.between(-70, 70)]), Image.Resampling.BICUBIC, expand=True)
        picture.paste(turned, (dice.whole(0, picture.width), dice.whole(0, picture.height)), turned)


def _draw_relief(stock: Stock, dice: Dice, size: tuple[int, int]) -> Image.Image:
    """Contour lines of hills, tinted by height or plain, paths and names."""
    low = dice.rng.normal(0, 1, (dice.whole(4, 9), dice.whole(4, 9))).astype(np.float32)
    height = cv2.resize(low, size, interpolation=cv2.INTER_CUBIC)
    shade = np.clip(128 + 4000 * (np.gradient(height, axis=0) + np.gradient(height, axis=1)), 0, 255) / 255
    steps = np.floor(height * dice.between(5, 14))
    lines = (np.diff(steps, axis=0, prepend=steps[:1]) != 0) | (np.diff(steps, axis=1, prepend=steps[:, :1]) != 0)
    level = ((height - height.min()) / np.ptp(height))[..., None]
    ends = np.array(
        dice.pick([[(180, 215, 160), (240, 225, 190)], [(120, 180, 120), (200, 160, 110)], [(250, 248, 240)] * 2])
    )
    canvas = ends[0] * (1 - level) + ends[1] * level
    if dice.chance(0.6):
        canvas = canvas * (0.75 + 0.3 * shade[..., None])
    canvas[lines] = dice.pick([(180, 130, 80), (150, 110, 70), (120, 120, 120)])
    if dice.chance(0.5):
        canvas[height < np.quantile(height, dice.between(0.05, 0.3))] = dice.pick(_WATER[:4])
    picture = Image.fromarray(canvas.clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(dice.whole(1, 5)):
        draw.line(
            [tuple(point) for point in _wander(dice, size).tolist()],
            dice.pick([(200, 60, 50), (90, 90, 90), (60, 120, 200)]),
            2,
        )
    _write_names(picture, stock, dice, light=False)
    return picture


def _draw_transport(stock: Stock, dice: Dice, size: tuple[int, int]) -> Image.Image:
    """Coloured lines at right and half angles with stations, as of an underground."""
    picture = Image.new("RGB", size, dice.pick([(255, 255, 255), (248, 248, 244), (225, 238, 246)]))
    draw = ImageDraw.Draw(picture)
    font = stock.font(dice, dice.whole(9, 14), "Lato|Source|inter")
    step = min(size) / 8
    for _ in range(dice.whole(3, 9)):
        point = np.array([dice.between(0, size[0]), dice.between(0, size[1])])
        way, points = dice.whole(0, 7), [point]
        for _ in range(dice.whole(4, 10)):
            way += dice.pick([0, 0, 1, -1])
            point = point + step * np.array([np.cos(way * np.pi / 4), np.sin(way * np.pi / 4)])
            points.append(point)
        colour, width = dice.colour(0, 230), dice.whole(4, 9)
        draw.line([tuple(one) for one in np.array(points).tolist()], colour, width, joint="curve")
        for x, y in np.array(points).tolist():
            draw.ellipse((x - width, y - width, x + width, y + width), "white", (20, 20, 20), 2)
            if dice.chance(0.7):
                draw.text((x + width + 2, y), dice.words(1).title(), (30, 30, 30), font, anchor="lm")
    return picture


SORTS: Sorts = {
    "areas": (7, _annotate(_draw_areas)),
    "globe": (2, _annotate(_draw_globe)),
    "coasts": (4, _annotate(_draw_coasts)),
    "streets": (4, _annotate(_draw_streets)),
    "relief": (1, _annotate(_draw_relief)),
    "transport": (1, _annotate(_draw_transport)),
}
