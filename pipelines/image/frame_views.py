"""Facts about all frames of a file: a small picture of each, for how long it is shown, and codes in it."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

THUMBNAIL_SIDE = 32  # pixels
FREQUENCIES = 16  # of PDQ along each axis
MAX_CODES = 20  # of a frame

UnreadReason = Literal["damaged", "too large", "too many pixels", "too slow"]


@dataclass(frozen=True, slots=True)
class SurveyPlan:
    """Of a look through all frames of one file: at most so many pixels of all together, and seconds; and whether
    frames are hashed, which takes .4 ms each.
    """

    pixels: int = 128_000_000
    seconds: float = 3.0
    is_hashed: bool = True


@dataclass(frozen=True, slots=True)
class SeenCode:
    """A QR code in the frame of this number, from 0."""

    frame: int
    payload: str


@dataclass(frozen=True, slots=True)
class FrameViews:
    """The first N frames of a file, always one at least; `stopped` says why these are not all.

    thumbnails: (N, THUMBNAIL_SIDE, THUMBNAIL_SIDE, 4) uint8, RGBA
    frequencies: (N, FREQUENCIES, FREQUENCIES) float32, of PDQ; qualities: (N,) uint8, 0-100; both (0, …) where these
    were not asked for
    durations: (N,) float32, seconds for which a frame is shown; (0,) where the file has none
    """

    thumbnails: NDArray[np.uint8]
    frequencies: NDArray[np.float32]
    qualities: NDArray[np.uint8]
    durations: NDArray[np.float32]
    codes: tuple[SeenCode, ...] = field(default=(), repr=False)
    stopped: UnreadReason | None = None

    def __len__(self) -> int:
        return len(self.thumbnails)

    def find_start(self, number: int) -> float | None:
        """Seconds from the animation's start, where it has durations."""
        if number > len(self) or not len(self.durations):
            return None
        return round(float(self.durations[:number].sum(dtype=np.float64)), 3)
