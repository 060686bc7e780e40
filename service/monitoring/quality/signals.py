"""Every signal that drift is looked for in, and the bins that its values are counted in.

Bins are fine and fixed, so that a histogram is all that has to be kept; a comparison joins them to a few.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signal:
    """Numbers by `edges`: bin 0 is below the first one, the last bin from the last one on. Or kinds by `names`."""

    name: str
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def bins(self) -> int:
        return len(self.names) or len(self.edges) + 1

    def bin_of(self, value: float) -> int:
        return bisect_right(self.edges, value)

    def label(self, bins: Sequence[int]) -> str:
        """What lies in neighbouring `bins`, or in any of a few kinds."""
        if self.names:
            return self.names[bins[0]] if len(bins) == 1 else "other"
        low = self.edges[bins[0] - 1] if bins[0] else None
        high = self.edges[bins[-1]] if bins[-1] < len(self.edges) else None
        if low is None or high is None:
            return "all" if low == high else f"< {high:g}" if low is None else f">= {low:g}"
        return f"{low:g} to {high:g}"


def _powers(first: float, count: int, factor: float) -> tuple[float, ...]:
    return tuple(first * factor**step for step in range(count))


# Finer at both ends: a model that is nearly sure of nearly everything has all its scores there.
_SHARES = (0.001, 0.003, 0.01, 0.03, *(step / 20 for step in range(1, 20)), 0.97, 0.99, 0.997, 0.999)
_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256)

BRIGHTNESS = Signal("brightness", tuple(step / 40 for step in range(1, 40)))
SHARPNESS = Signal("sharpness", _powers(1e-5, 16, 2))
PIXELS = Signal("pixels", _powers(2**12, 29, 2**0.5))
BYTES = Signal("bytes", _powers(2**10, 31, 2**0.5))
CONFIDENCE = Signal("confidence", _SHARES)
ENTROPY = Signal("entropy", _SHARES)
MARGIN = Signal("margin", _SHARES)
NSFW = Signal("nsfw", _SHARES)
FACES = Signal("faces", _COUNTS)
FACE = Signal("face", _SHARES)
LINES = Signal("lines", _COUNTS)
OCR = Signal("ocr", _SHARES)
LAYOUT = Signal("layout", _SHARES)


def groups(names: Sequence[str]) -> Signal:
    """Which kind of thing a picture's best tag is."""
    return Signal("group", names=tuple(names))
