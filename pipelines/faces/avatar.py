"""A face framed as avatars are: upright by its eyes, its head at a steady size and place."""

import io
from dataclasses import dataclass
from math import ceil, floor, hypot
from typing import Literal

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from pipelines.faces.candidates import LANDMARKS
from pipelines.faces.types import Face
from pipelines.faces.views import Mips

# Shares of the side: where the middle of the eyes lies, and how far they are apart. A head is about two eye
# distances from the eyes to the top of the hair and 1.8 from the eyes to the chin: this leaves a margin above.
EYES_DOWN, EYES_APART = 0.46, 0.19
# An eye-to-mouth distance is 1.05 to 1.15 eye distances on a face seen from the front. Turned away, the eyes come
# closer together: then the mouth says how large the head is.
MOUTH_TO_EYES = 0.85


@dataclass(frozen=True, slots=True)
class Frame:
    """A square in the picture: the middle of its eyes, its side, and the direction (cosine, sine) of its x axis."""

    eyes: tuple[float, float]
    side: float
    direction: tuple[float, float]

    @classmethod
    def of(cls, face: Face, *, scale: float) -> "Frame":
        """`scale` is the picture's: landmarks are pixels of the original."""
        points = np.array([getattr(face.landmarks, name) for name in LANDMARKS], np.float64) * scale
        left, right, _, left_mouth, right_mouth = points
        x, y = (right - left).tolist()
        apart = hypot(x, y) or 1.0
        middle = (left + right) / 2
        down = float(np.linalg.norm((left_mouth + right_mouth) / 2 - middle))
        return cls((float(middle[0]), float(middle[1])), max(apart, MOUTH_TO_EYES * down) / EYES_APART,
                   (x / apart, y / apart))  # fmt: skip

    def affine(self, size: int) -> tuple[float, float, float, float, float, float]:
        """Maps a pixel of the avatar (`size` wide) to one of the picture, in the order that Pillow wants."""
        step = self.side / size
        cosine, sine = self.direction[0] * step, self.direction[1] * step
        across, down = size / 2, size * EYES_DOWN
        return (
            cosine, -sine, self.eyes[0] - cosine * across + sine * down,
            sine, cosine, self.eyes[1] - sine * across - cosine * down,
        )  # fmt: skip

    def corners(self) -> list[tuple[float, float]]:
        a, b, c, d, e, f = self.affine(1)
        return [(a * x + b * y + c, d * x + e * y + f) for x in (0, 1) for y in (0, 1)]


def render(mips: Mips, frame: Frame, *, size: int, padding: str) -> Image.Image:
    """RGB, `size` x `size`. `padding` is "reflect" or a colour "#rrggbb"."""
    # From a level with at least the avatar's resolution, at twice the size where that means shrinking: no aliasing.
    level, shrunk = mips.level(max(0, floor(np.log2(frame.side / size))))
    small = Frame((frame.eyes[0] * shrunk, frame.eyes[1] * shrunk), frame.side * shrunk, frame.direction)
    oversampled = 2 if small.side > size else 1
    region = _region(small)
    source = _padded(level, region, padding)
    a, b, c, d, e, f = small.affine(size * oversampled)
    moved = (a, b, c - region[0], d, e, f - region[1])
    canvas = (size * oversampled, size * oversampled)
    image = source.transform(canvas, Image.Transform.AFFINE, moved, Image.Resampling.BICUBIC)
    return image.reduce(oversampled) if oversampled > 1 else image


def _region(frame: Frame) -> tuple[int, int, int, int]:
    """The pixels that the frame and the bicubic filter's reach around it touch."""
    xs, ys = zip(*frame.corners(), strict=True)
    return floor(min(xs)) - 3, floor(min(ys)) - 3, ceil(max(xs)) + 3, ceil(max(ys)) + 3


def _padded(image: Image.Image, region: tuple[int, int, int, int], padding: str) -> Image.Image:
    x0, y0, x1, y1 = region
    inside = (max(x0, 0), max(y0, 0), min(x1, image.width), min(y1, image.height))
    part = image.crop(inside)
    before, after = (inside[1] - y0, inside[0] - x0), (y1 - inside[3], x1 - inside[2])
    if not any((*before, *after)):
        return part
    if padding != "reflect":
        canvas = Image.new("RGB", (x1 - x0, y1 - y0), ImageColor.getrgb(padding))
        canvas.paste(part, (before[1], before[0]))
        return canvas
    widths = ((before[0], after[0]), (before[1], after[1]), (0, 0))
    return Image.fromarray(np.pad(np.asarray(part), widths, mode="symmetric"))


def encode(image: Image.Image, *, shape: Literal["square", "circle"], format: Literal["png", "webp"]) -> bytes:
    """The file: pixels only, no metadata; a circle has everything around it transparent."""
    if shape == "circle":
        image.putalpha(_disc(image.width))
    file = io.BytesIO()
    if format == "png":
        image.save(file, "PNG")
    else:
        image.save(file, "WEBP", quality=90)
    return file.getvalue()


def _disc(size: int) -> Image.Image:
    mask = Image.new("L", (size * 4, size * 4))
    ImageDraw.Draw(mask).ellipse((0, 0, size * 4 - 1, size * 4 - 1), fill=255)
    return mask.reduce(4)
