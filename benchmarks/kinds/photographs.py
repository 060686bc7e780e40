"""Photographs of packages, by package: parts of them, mirrored, with what cameras and stations write into them."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.stock import Sort, Sorts, Stock


def sort_photographs(stock: Stock) -> Sorts:
    """One sort for each package that brings photographs, as many of each round as the package has many."""
    names = sorted(set(stock.packages))
    return {name: (max(1, min(6, stock.packages.count(name) // 8)), _take_from(name)) for name in names}


def _take_from(package: str) -> Sort:
    def take(stock: Stock, dice: Dice) -> Image.Image:
        own = [photo for photo, name in zip(stock.photographs, stock.packages, strict=True) if name == package]
        photo, way = stock.photograph(dice, photographs=own), dice.between(0, 1)
        return _change(photo, stock, dice, way, own)

    return take


def _change(photo: Image.Image, stock: Stock, dice: Dice, way: float, own: list[Image.Image]) -> Image.Image:
    """What becomes of a photograph: most often nothing; `way` is from 0 to 1, `own` are its package's."""
    ways: list[tuple[float, Callable[[], Image.Image]]] = [
        (0.05, lambda: _broadcast(photo, stock, dice)),
        (0.10, lambda: _mark(photo, stock, dice)),
        (0.16, lambda: _hang_signs(photo, stock, dice)),
        (0.28, lambda: photo.resize((dice.whole(250, 700), dice.whole(250, 700)))),
        (0.31, lambda: _gather(stock, dice, own)),
        (0.37, lambda: _crowd(stock, dice)),
        (0.40, lambda: _put_on_white(photo, stock, dice)),
        (0.44, lambda: ImageOps.autocontrast(photo.convert("L"), 8).convert("RGB")),
    ]
    return next((change() for end, change in ways if way < end), photo)


def _broadcast(photo: Image.Image, stock: Stock, dice: Dice) -> Image.Image:
    """As a television station shows it: a bar with a name or news in the lower part, a station's sign."""
    draw, (width, height) = ImageDraw.Draw(photo, "RGBA"), photo.size
    top, size = height * dice.between(0.7, 0.88), height * dice.between(0.045, 0.09)
    left, right = width * dice.pick([0, 0.05, 0.1]), width * dice.pick([1, 0.95, 0.8])
    for _ in range(dice.whole(1, 2)):
        bar = dice.pick([(*dice.colour(), 255), (*dice.colour(0, 120), dice.whole(120, 255)), (255, 255, 255, 240)])
        draw.rectangle((left, top, right, top + 1.4 * size), bar)
        ink = (20, 20, 20) if sum(bar[:3]) > 450 else (255, 255, 255)
        text = dice.words(dice.whole(2, 6))
        font = stock.font(dice, size * 0.9, "Bold|Semibold|Lato|inter")
        draw.text(
            (left + size / 2, top + 0.7 * size), text.upper() if dice.chance(0.7) else text, ink, font, anchor="lm"
        )
        top += 1.4 * size
    if dice.chance(0.6):
        place = dice.pick([0.04, 0.86]) * width, dice.pick([0.04, 0.9]) * height
        draw.text(place, dice.words(1).upper()[:5], (255, 255, 255, 220), stock.font(dice, size, "Black|Bold"))
    return photo


def _mark(photo: Image.Image, stock: Stock, dice: Dice) -> Image.Image:
    """With a date, a photographer's name or an agency's mark, perhaps on a narrow strip."""
    draw, (width, height) = ImageDraw.Draw(photo, "RGBA"), photo.size
    size = height * dice.between(0.025, 0.06)
    font = stock.font(dice, size, dice.pick(["mono", "Lato|inter|SourceS"]))
    match dice.whole(0, 2):
        case 0:
            date = f"{dice.whole(1, 28):02} {dice.whole(1, 12):02} {dice.whole(1995, 2025)}"
            draw.text(
                (width * 0.97, height * 0.97), date, dice.pick([(255, 150, 30), (255, 230, 80)]), font, anchor="rd"
            )
        case 1:
            draw.text((width * 0.02, height * 0.97), f"© {dice.words(2).title()}", (255, 255, 255), font, anchor="ld")
        case _:
            large = stock.font(dice, height * dice.between(0.06, 0.12), "Bold|Black")
            faint = (255, 255, 255, dice.whole(50, 150))
            draw.text((width / 2, height / 2), dice.words(1).upper(), faint, large, anchor="mm")
            if dice.chance(0.5):
                draw.rectangle((0, height - 1.6 * size, width, height), dice.pick([(0, 0, 0), (255, 255, 255)]))
                draw.text((width / 2, height - 0.8 * size), dice.words(3), (128, 128, 128), font, anchor="mm")
    return photo


def _hang_signs(photo: Image.Image, stock: Stock, dice: Dice) -> Image.Image:
    """With boards in the scene, as in streets, in shops and at demonstrations: turned, shaded, of any size."""
    for _ in range(dice.whole(1, 5)):
        width = max(24, round(photo.width * dice.between(0.1, 0.5)))
        board = Image.new("RGBA", (width, round(width * dice.between(0.3, 1.2))), (*dice.colour(), 255))
        draw, light = ImageDraw.Draw(board), dice.chance(0.5)
        if light:
            draw.rectangle((0, 0, *board.size), (dice.whole(190, 250),) * 3)
        rows = dice.whole(1, 4)
        for row in range(rows):
            font = stock.font(dice, board.height / rows * dice.between(0.4, 0.75))
            ink = dice.colour(0, 90) if light else (245, 245, 245)
            place = board.width / 2, (row + 0.5) * board.height / rows
            draw.text(place, dice.words(1).upper() if dice.chance(0.6) else dice.words(2), ink, font, anchor="mm")
        turned = board.rotate(dice.between(-20, 20), Image.Resampling.BICUBIC, expand=True)
        place = dice.whole(-turned.width // 3, photo.width), dice.whole(-turned.height // 3, photo.height)
        photo.paste(turned, place, turned)
    return photo


def _gather(stock: Stock, dice: Dice, photographs: list[Image.Image]) -> Image.Image:
    """Many small parts side by side, busy as a crowd or a market is; without a seam, or with one."""
    columns, rows = dice.whole(2, 5), dice.whole(1, 4)
    side, gap = dice.whole(70, 200), dice.pick([0, 0, 0, 4])
    laid = Image.new("RGB", (columns * (side + gap), rows * (side + gap)), dice.pick([(0, 0, 0), (255, 255, 255)]))
    for place in range(columns * rows):
        part = stock.photograph(dice, (side, side), photographs)
        laid.paste(part, (place % columns * (side + gap), place // columns * (side + gap)))
    return laid


def _crowd(stock: Stock, dice: Dice) -> Image.Image:
    """Hundreds of small round parts of photographs over each other, smaller ones higher up, as people in a square."""
    width, height = dice.whole(240, 600), dice.whole(240, 500)
    scene = stock.photograph(dice, (width, height))
    parts = [stock.photograph(dice, (80, 100)) for _ in range(dice.whole(8, 24))]
    largest, sharp = dice.between(0.08, 0.25) * width, dice.chance(0.5)
    for top in np.sort(dice.rng.uniform(-0.05 * height, height, dice.whole(40, 250))):
        across = max(6, round(largest * (0.35 + 0.65 * max(0.0, top) / height)))
        down = round(across * dice.between(1, 1.8))
        part = dice.pick(parts).resize((across, down))
        mask = Image.new("L", (across, down), 0)
        outline = ImageDraw.Draw(mask)
        (outline.rectangle if sharp and dice.chance(0.5) else outline.ellipse)((0, 0, across - 1, down - 1), 255)
        if dice.chance(0.4):
            part = ImageOps.posterize(ImageOps.autocontrast(part, 20), 2)
        scene.paste(part, (dice.whole(-across // 2, width), round(top)), mask)
    return scene


def _put_on_white(photo: Image.Image, stock: Stock, dice: Dice) -> Image.Image:
    """As shops show goods: one to four things cut out, with their own texture and shade, a soft shadow, on white."""
    width, height = dice.whole(260, 640), dice.whole(260, 640)
    scene, count = Image.new("RGB", (width, height), dice.pick([(255, 255, 255), dice.pale()])), dice.pick([1, 1, 1, 4])
    for place in range(count):
        side = 1 if count == 1 else 2
        room = width / side, height / side
        mask = _draw_outline((round(room[0] * dice.between(0.5, 0.9)), round(room[1] * dice.between(0.5, 0.9))), dice)
        x, y = place % side * room[0], place // side * room[1]
        corner = round(x + (room[0] - mask.width) / 2), round(y + (room[1] - mask.height) / 2)
        texture = np.asarray(photo.resize(mask.size), np.float32)
        if dice.chance(0.5):
            texture = texture.mean((0, 1)) + dice.between(0.1, 0.5) * (texture - texture.mean((0, 1)))
        across, down = np.meshgrid(np.linspace(-1, 1, mask.width), np.linspace(-1, 1, mask.height))
        light = 1.1 - dice.between(0.2, 0.7) * ((across - 0.3) ** 2 + (down + 0.3) ** 2)[..., None] / 2
        thing = Image.fromarray((texture * light).clip(0, 255).astype(np.uint8))
        shadow = mask.filter(ImageFilter.GaussianBlur(12)).point(lambda value: value // 3)
        scene.paste((90, 90, 90), (corner[0] + 4, corner[1] + 12), shadow)
        scene.paste(thing, corner, mask)
    return scene


def _draw_outline(size: tuple[int, int], dice: Dice) -> Image.Image:
    """The mask of a smooth round body."""
    angles = np.linspace(0, 2 * np.pi, 90)
    waves = [dice.between(-0.18, 0.18) * np.sin(turns * angles + dice.between(0, 6)) for turns in (1, 2, 3, 5)]
    reach = 1 + np.sum(waves, 0)
    reach = reach / reach.max()
    points = np.stack([(1 + reach * np.cos(angles)) / 2 * size[0], (1 + reach * np.sin(angles)) / 2 * size[1]], 1)
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon([tuple(point) for point in points.tolist()], 255)
    return mask.filter(ImageFilter.GaussianBlur(1))
