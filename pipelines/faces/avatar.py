"""Frames a face as an avatar: upright by its eyes, the head always at the same size and place."""

import io
from math import floor, hypot, inf, log2
from typing import Any, Literal, cast

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageDraw

from pipelines.faces.candidates import LANDMARKS
from pipelines.faces.canvas import MipPyramid, Pixels
from pipelines.faces.crops import CropWindow
from pipelines.faces.types import Face

# Shares of the side: how far down the middle of the eyes lies, and how far apart the eyes are. From the eyes to the top
# of the hair it is about two eye distances, to the chin 1.8: this leaves a margin above.
EYE_LEVEL, EYE_DISTANCE = 0.46, 0.19
# The eye distance that an eye-to-mouth distance stands for, at least. Seen from the front, eyes and mouth are 1.05 to
# 1.15 eye distances apart. On a face turned away the eyes come closer together: then the mouth gives the head's size.
EYE_TO_MOUTH_FACTOR = 0.85
# A frame's side is at most this many times the picture's longer side: more would be a tiny face amid padding.
MAX_FRAME_FACTOR = 1.4
# Standard deviations, in shares of the side, of the blur over what lies outside the picture and of the seam between.
BLUR_SIGMA, SEAM_SIGMA = 0.05, 0.01


def compute_frame(face: Face, *, scale: float, longer_side: float = inf) -> CropWindow:
    """The square that an avatar of `face` shows; `scale` is the picture's: landmarks are pixels of the original.

    `longer_side` is the picture's, in its pixels. Where it is much less than the frame's side, the frame is smaller
    and the face in it larger.
    """
    points = np.array([getattr(face.landmarks, name) for name in LANDMARKS], np.float64) * scale
    left, right, _, left_mouth, right_mouth = points
    x, y = (right - left).tolist()
    eye_distance = hypot(x, y)
    eyes = (left + right) / 2
    mouth_distance = float(np.linalg.norm((left_mouth + right_mouth) / 2 - eyes))
    side = min(
        max(eye_distance, EYE_TO_MOUTH_FACTOR * mouth_distance, 1.0) / EYE_DISTANCE, MAX_FRAME_FACTOR * longer_side
    )
    cosine, sine = (x / eye_distance, y / eye_distance) if eye_distance else (1.0, 0.0)
    offset = (0.5 - EYE_LEVEL) * side  # from the eyes down to the middle of the square
    return CropWindow(eyes[0] - sine * offset, eyes[1] + cosine * offset, side, (cosine, sine))


def render_avatar(mips: MipPyramid, frame: CropWindow, *, size: int, padding: str) -> Image.Image:
    """RGB, `size` x `size`. `padding` is "reflect" or a colour "#rrggbb"."""
    # Taken from a level with at least the avatar's resolution, and drawn at twice the size where it has to shrink: this
    # avoids aliasing.
    level, scale = mips.level(max(0, floor(log2(frame.side / size))))
    window = CropWindow(frame.x * scale, frame.y * scale, frame.side * scale, frame.direction)
    side = size * 2 if window.side > size else size
    if padding == "reflect":
        image = _warp(level, window, side, borderMode=cv2.BORDER_REFLECT)
        image = _blur_outside(image, _warp(np.full(level.shape[:2], 255, np.uint8), window, side))
    else:
        image = _warp(level, window, side, borderValue=ImageColor.getrgb(padding))
    return Image.fromarray(image if side == size else cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))


def _warp(pixels: Pixels, window: CropWindow, side: int, **border: Any) -> Pixels:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cast(Pixels, cv2.warpAffine(pixels, window.affine_matrix(side), (side, side), flags=flags, **border))


def _blur_outside(image: Pixels, inside: Pixels) -> Pixels:
    """Blur `image` where `inside` is 0: the reflection of a face must not look like a second face."""
    if inside.all():
        return image
    blurred = cv2.GaussianBlur(image, (0, 0), len(image) * BLUR_SIGMA)
    share = cv2.GaussianBlur(inside, (0, 0), len(image) * SEAM_SIGMA)[..., None].astype(np.float32) / 255
    share = np.minimum(share * 2, 1) * (inside[..., None] > 0)  # 1 from the border on inwards
    return (image * share + blurred * (1 - share)).round().astype(np.uint8)


def encode_avatar(image: Image.Image, *, shape: Literal["square", "circle"], format: Literal["png", "webp"]) -> bytes:
    """The bytes of a file with pixels only, no metadata; everything around a circle is transparent."""
    if shape == "circle":
        image.putalpha(_draw_disc(image.width))
    file = io.BytesIO()
    if format == "png":
        image.save(file, "PNG")
    else:
        image.save(file, "WEBP", quality=90)
    return file.getvalue()


def _draw_disc(size: int) -> Image.Image:
    mask = Image.new("L", (size * 4, size * 4))
    ImageDraw.Draw(mask).ellipse((0, 0, size * 4 - 1, size * 4 - 1), fill=255)
    return mask.reduce(4)
