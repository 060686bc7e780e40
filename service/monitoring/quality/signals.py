"""The drift signals of pictures and of the encoder; pipelines declare their own."""

from collections.abc import Sequence

from pipelines.drift import SCORE_EDGES, DriftSignal
from pipelines.types import PICTURE_KINDS


def _powers(first: float, count: int, factor: float) -> tuple[float, ...]:
    return tuple(first * factor**step for step in range(count))


BRIGHTNESS = DriftSignal("brightness", tuple(step / 40 for step in range(1, 40)))
SHARPNESS = DriftSignal("sharpness", _powers(1e-5, 16, 2))
PIXELS = DriftSignal("pixels", _powers(2**12, 29, 2**0.5))
BYTES = DriftSignal("bytes", _powers(2**10, 31, 2**0.5))
CONFIDENCE = DriftSignal("confidence", SCORE_EDGES)
ENTROPY = DriftSignal("entropy", SCORE_EDGES)
MARGIN = DriftSignal("margin", SCORE_EDGES)
UNSTATED = "none"
KIND = DriftSignal("kind", names=(*PICTURE_KINDS, UNSTATED))


def group_signal(names: Sequence[str]) -> DriftSignal:
    """The group of a picture's best tag."""
    return DriftSignal("group", names=tuple(names))
