"""Shows a picture with a transparent ground over the backdrops on which people, and readers of text, see it.

White is the default. White ink vanishes on it, dark ink on black; only grey shows both. Colours under transparent
pixels show where a program drops the alpha.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.image.colour_modes import convert_by_bands, get_channel_ranges, lay_over
from pipelines.image.decode import Picture
from pipelines.image.picture_facts import Backdrop

LEVELS: dict[Backdrop, int] = {"white": 255, "black": 0, "grey": 128}  # the preferred one first
MIN_CONTRAST = 64  # grey levels between a backdrop and what is seen on it
TOLERATED = 0.95  # share of the best backdrop's visible edges with which a preferred one is good enough
MIN_TRANSPARENT = 0.05  # share of the pixels from which on it is the ground that is transparent, not just corners

_OPAQUE = 250  # alpha from which on a backdrop shines through with 5 of 255 levels at most
_MOST_PIXELS = 4_000_000  # of a picture that is searched for what other backdrops show
_CELLS = 64  # across and down, in which colours without alpha are compared with what backdrops show
_MIN_DIFFERENCE, _FEWEST_CELLS = 32.0, 4  # levels; cells that differ by more: blurred edges do not


@dataclass(frozen=True, slots=True)
class VisibleRendering:
    """Renders pictures for reading; what other pipelines see of them stays as it is."""

    pool: CpuPool

    async def render(self, picture: Picture) -> NDArray[np.uint8]:
        """(height, width, 3) RGB."""
        if picture.see_through is None:
            return np.asarray(picture.pixels)
        return await self.pool.run(_lay_over_best, picture, picture.see_through)


def list_revealing(picture: Picture) -> list[Backdrop]:
    """The backdrops beside white over which there may be something else to see: none for an opaque picture."""
    layered = picture.see_through
    if layered is None or get_channel_ranges(layered)[-1][0] >= _OPAQUE:
        return []
    layered = _shrink_to(layered, _MOST_PIXELS)
    found: list[Backdrop] = ["black"]
    if choose_backdrop(*_split(layered)) == "grey":
        found.append("grey")
    if _differs_without_alpha(picture.pixels, layered):
        found.append("none")
    return found


def show_over(layered: Image.Image, backdrop: Backdrop, scale: int = 1) -> Image.Image:
    """RGB of a picture of mode LA or RGBA, at the inverse of `scale`."""
    if backdrop == "none":
        return convert_by_bands(layered, "RGB", lambda band: band.convert("RGB"), scale)
    return lay_over(layered, LEVELS[backdrop], scale)


def choose_backdrop(luma: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> Backdrop:
    """The backdrop for reading: by the share of edges of what is opaque that it contrasts with."""
    import cv2  # here, so that a process that decodes nothing does not load it

    is_opaque = (alpha >= 128).astype(np.uint8)
    if is_opaque.mean() > 1 - MIN_TRANSPARENT:
        return "white"
    is_edge = is_opaque > cv2.erode(is_opaque, np.ones((3, 3), np.uint8))
    levels = luma[is_edge].astype(np.int16)
    shares = {backdrop: _measure_visible(levels, level) for backdrop, level in LEVELS.items()}
    return next(backdrop for backdrop, share in shares.items() if share >= TOLERATED * max(shares.values()))


def _measure_visible(levels: NDArray[np.int16], backdrop: int) -> float:
    return float(np.mean(np.abs(levels - backdrop) >= MIN_CONTRAST)) if len(levels) else 0.0


def _lay_over_best(picture: Picture, layered: Image.Image) -> NDArray[np.uint8]:
    backdrop = choose_backdrop(*_split(layered))
    return np.asarray(picture.pixels if backdrop == "white" else show_over(layered, backdrop))


def _split(layered: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Luma and alpha, each (height, width)."""
    return np.asarray(layered.convert("L")), np.asarray(layered.getchannel("A"))


def _shrink_to(layered: Image.Image, pixels: int) -> Image.Image:
    """Each channel by itself: Pillow would leave out the colours of what is transparent."""
    scale = math.ceil(math.sqrt(layered.width * layered.height / pixels))
    if scale <= 1:
        return layered
    return Image.merge(layered.mode, [layered.getchannel(one).reduce(scale) for one in layered.getbands()])


def _differs_without_alpha(over_white: Image.Image, layered: Image.Image) -> bool:
    """Whether the colours without alpha are neither those over white nor those over black, but for edges."""
    white, colours = _average(over_white), _average(layered.convert("RGB"))
    black = white - 255 + _average(layered.getchannel("A"))[..., None]
    difference = np.minimum(np.abs(colours - white).max(axis=2), np.abs(colours - black).max(axis=2))
    return int(np.count_nonzero(difference > _MIN_DIFFERENCE)) >= _FEWEST_CELLS


def _average(image: Image.Image) -> NDArray[np.float64]:
    """In `_CELLS` x `_CELLS` cells."""
    return np.asarray(image.resize((_CELLS, _CELLS), Image.Resampling.BOX), np.float64)
