"""Changes that pictures go through on their way: scaling, compression, colour, screens, cameras and scanners."""

import io
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from benchmarks.kinds.dice import Dice


def pass_on(picture: Image.Image, dice: Dice, *, rough: bool = True) -> Image.Image:
    """Scale, recolour and compress a picture as messengers and web sites do; `rough` allows all of these at once."""
    picture = _limit(picture, dice)
    if rough and dice.chance(0.25):
        picture = _recolour(picture, dice)
    if dice.chance(0.12):
        picture = picture.filter(ImageFilter.GaussianBlur(dice.between(0.4, 1.6)))
    if dice.chance(0.08):
        picture = ImageOps.grayscale(picture).convert("RGB")
    if dice.chance(0.08):
        picture = ImageOps.expand(picture, dice.whole(2, 30), dice.pick([(255, 255, 255), (0, 0, 0), dice.colour()]))
    return compress(picture, dice) if dice.chance(0.7) else picture


def compress(picture: Image.Image, dice: Dice) -> Image.Image:
    """Through JPEG of any usual quality."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=dice.whole(30, 95))
    return Image.open(buffer).convert("RGB")


def cut(picture: Image.Image, dice: Dice, least: float = 0.5) -> Image.Image:
    """A part of the picture, at least `least` of each side."""
    width, height = (max(24, round(side * dice.between(least, 1))) for side in picture.size)
    left, top = dice.whole(0, max(0, picture.width - width)), dice.whole(0, max(0, picture.height - height))
    return picture.crop((left, top, left + width, top + height))


def scan(page: Image.Image, dice: Dice) -> Image.Image:
    """As a scanner or a copier gives a page: a tint, a small angle, noise, grey or two levels."""
    if dice.chance(0.6):
        page = page.rotate(dice.between(-3, 3), Image.Resampling.BICUBIC, fillcolor=dice.pick([(255,) * 3, (220,) * 3]))
    pixels: NDArray[Any] = np.asarray(page, np.float32)
    paper = np.array(dice.pick([(255, 255, 255), (246, 240, 225), (232, 222, 196), (238, 238, 238), (210, 200, 175)]))
    pixels = pixels * (paper / 255) + dice.rng.normal(0, dice.between(0, 7), (*pixels.shape[:2], 1))
    if dice.chance(0.35):
        pixels = pixels.mean(-1, keepdims=True).repeat(3, -1)
        if dice.chance(0.35):
            pixels = np.where(pixels > dice.between(120, 190), 255.0, 0.0)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def photograph_page(page: Image.Image, table: Image.Image, dice: Dice) -> Image.Image:
    """As a telephone sees a page that lies on something: `table` around it, perspective, a shadow, uneven light."""
    width, height = table.size
    inset = [dice.between(-0.03, 0.16) for _ in range(8)]
    corners = np.array([
        [inset[0] * width, inset[1] * height], [(1 - inset[2]) * width, inset[3] * height],
        [(1 - inset[4]) * width, (1 - inset[5]) * height], [inset[6] * width, (1 - inset[7]) * height],
    ], np.float32)  # fmt: skip
    outline = np.array([[0, 0], [page.width, 0], [page.width, page.height], [0, page.height]], np.float32)
    warp = cv2.getPerspectiveTransform(outline, corners)
    laid = cv2.warpPerspective(np.asarray(page), warp, (width, height), flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.ones((page.height, page.width), np.float32), warp, (width, height))[..., None]
    light = np.linspace(dice.between(0.6, 1), dice.between(0.75, 1.05), width)[None, :, None]
    light = light * np.linspace(dice.between(0.7, 1), 1, height)[:, None, None]
    mixed = (
        laid * mask * np.array([1, dice.between(0.94, 1), dice.between(0.85, 1)]) + np.asarray(table) * (1 - mask)
    ) * light
    noise = dice.rng.normal(0, dice.between(1, 5), mixed.shape)
    return Image.fromarray((mixed + noise).clip(0, 255).astype(np.uint8))


def _limit(picture: Image.Image, dice: Dice) -> Image.Image:
    longer = dice.whole(260, 1400)
    if max(picture.size) > longer:
        scale = longer / max(picture.size)
        size = max(16, round(picture.width * scale)), max(16, round(picture.height * scale))
        picture = picture.resize(
            size, dice.pick([Image.Resampling.BICUBIC, Image.Resampling.BOX, Image.Resampling.BILINEAR])
        )
    return picture


def _recolour(picture: Image.Image, dice: Dice) -> Image.Image:
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = change(picture).enhance(dice.between(0.7, 1.35))
    return picture
