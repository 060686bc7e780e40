"""Shows a picture with a transparent ground on the backdrop that lets its text be seen.

White is the default. White text would vanish on it, dark text on black, and only grey shows both.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, Picture
from pipelines.image.decoders import Decoders

BACKDROPS = (255, 0, 128)  # grey levels, the preferred one first
MIN_CONTRAST = 64  # grey levels between a backdrop and what is seen on it
TOLERATED = 0.95  # share of the best backdrop's visible edges with which a preferred one is good enough
MIN_TRANSPARENT = 0.05  # share of the pixels from which on it is the ground that is transparent, not just corners


@dataclass(frozen=True, slots=True)
class VisibleRendering:
    """Renders pictures for reading; what other pipelines see of them stays as it is."""

    decoders: Decoders
    pool: CpuPool
    limits: ImageLimits

    async def render(self, picture: Picture) -> NDArray[np.uint8]:
        """(height, width, 3) RGB of the first frame. Raises as `Decoders.render` where it is partly transparent."""
        if not picture.has_alpha:
            return np.asarray(picture.pixels)
        longest = max(picture.width, picture.height)
        image = await self.decoders.render(
            picture.data, limits=self.limits, longest=longest, shorter_side=min(picture.width, picture.height)
        )
        return await self.pool.run(_lay_over_best, image, picture.pixels)


def choose_backdrop(luma: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> int:
    """One of BACKDROPS: by the share of edges of what is opaque that it contrasts with."""
    import cv2  # here, so that a process that decodes nothing does not load it

    is_opaque = (alpha >= 128).astype(np.uint8)
    if is_opaque.mean() > 1 - MIN_TRANSPARENT:
        return BACKDROPS[0]
    is_edge = is_opaque > cv2.erode(is_opaque, np.ones((3, 3), np.uint8))
    levels = luma[is_edge].astype(np.int16)
    shares = [_measure_visible(levels, backdrop) for backdrop in BACKDROPS]
    return BACKDROPS[next(row for row, share in enumerate(shares) if share >= TOLERATED * max(shares))]


def _measure_visible(levels: NDArray[np.int16], backdrop: int) -> float:
    return float(np.mean(np.abs(levels - backdrop) >= MIN_CONTRAST)) if len(levels) else 0.0


def _lay_over_best(image: Image.Image, over_white: Image.Image) -> NDArray[np.uint8]:
    """`image` on its backdrop; `over_white`, the same picture, where that is white."""
    if image.mode in ("LA", "RGBA") and image.size == over_white.size:
        backdrop = choose_backdrop(np.asarray(image.convert("L")), np.asarray(image.getchannel("A")))
        if backdrop != BACKDROPS[0]:
            ground = Image.new("RGBA", image.size, (backdrop, backdrop, backdrop, 255))
            return np.asarray(Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB"))
    return np.asarray(over_white)
