"""Makes pictures of deep grey visible: integers of 16 or 32 bits, signed ones, and floating-point values.

Files do not say what black and white are, and few use the range of their type: sensors have 10 to 14 bits in 16,
tomographs count from -1024, maps mark what is missing by -9999. So the values that occur decide.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.image.colour_modes import convert_by_bands, split_into_bands
from pipelines.image.tiff import TiffFile

INTEGER_WHITES = (255.0, 1023.0, 4095.0, 16_383.0, 65_535.0)  # of 8, 10, 12, 14 and 16 bits
_FLOAT_WHITES = (1.0, *INTEGER_WHITES)
_OVERSHOOT = 1.25  # of floats, over their white
_LEAST_SHARE = 1 / 8  # of black to white: values that use less of it are stretched to their own range

_SAMPLED_VALUES = 2**18
_OUTLIERS = 0.002  # share of the values, at either end
_FAR = 4.0  # times the range of all others: outliers farther away do not count
_FEWEST_OTHERS = 16  # different values, beside which a single one can be no part of the picture


def deep_to_grey(image: Image.Image) -> Image.Image:
    """Mode L of a picture of mode I;16 and its kin, I or F."""
    black, white = choose_range(image)
    is_negative = isinstance(image, TiffFile) and image.is_negative

    def scale(values: NDArray[Any]) -> NDArray[np.uint8]:
        finite = np.nan_to_num(values.astype(np.float64), nan=black, posinf=white, neginf=black)
        scaled: NDArray[np.float64] = (finite - black) * (255.0 / max(white - black, 1e-300))
        grey = scaled.round().clip(0, 255).astype(np.uint8)
        return 255 - grey if is_negative else grey

    if not image.mode.startswith("I;16"):
        read = _choose_reading(image)
        return convert_by_bands(image, "L", lambda band: Image.fromarray(scale(read(band))))
    values = np.arange(2**16)
    grey = scale(values) if black > 0 or is_negative else keep_upper_bits(values, white)
    return convert_by_bands(image, "L", lambda band: Image.fromarray(grey[np.asarray(band)]))


def _choose_reading(image: Image.Image) -> Callable[[Image.Image], NDArray[Any]]:
    """How the values of a part of `image` are read."""
    if isinstance(image, TiffFile) and image.is_unsigned:
        return lambda part: np.asarray(part).view(np.uint32)
    return np.asarray


def keep_upper_bits(values: NDArray[Any], white: float) -> NDArray[np.uint8]:
    """The upper 8 of the bits that integers from 0 to `white` have; outliers beyond it become white."""
    return (values * (256.0 / (white + 1))).clip(0, 255).astype(np.uint8)


def choose_range(image: Image.Image) -> tuple[float, float]:
    """The values that become black and white."""
    low, high = _find_range(image)
    if low < 0:
        return low, high
    white = choose_white(high, is_float=image.mode == "F")
    return (low, high) if 0 < high - low < _LEAST_SHARE * white else (0.0, white)


def choose_white(highest: float, *, is_float: bool = False) -> float:
    """The white of the encoding that values up to `highest` most likely have, or `highest` itself beyond all."""
    whites, room = (_FLOAT_WHITES, _OVERSHOOT) if is_float else (INTEGER_WHITES, 1.0)
    return max(highest, next((white for white in whites if highest <= white * room), highest))


def _find_range(image: Image.Image) -> tuple[float, float]:
    """The least and the greatest finite value but for outliers; 0 and 0 where there is none."""
    extremes, sample = list[float](), list[NDArray[Any]]()
    step = max(1, image.width * image.height // _SAMPLED_VALUES)
    for values in _iter_finite(image):
        extremes += [float(values.min()), float(values.max())]
        sample.append(values[::step])
    if not extremes:
        return 0.0, 0.0
    return _leave_out_outliers(min(extremes), max(extremes), np.sort(np.concatenate(sample).astype(np.float64)))


def _iter_finite(image: Image.Image) -> Iterator[NDArray[Any]]:
    read = _choose_reading(image)
    for box in split_into_bands(image):
        values = read(image.crop(box))
        finite = values[np.isfinite(values)]
        if finite.size:
            yield finite


def _leave_out_outliers(low: float, high: float, sample: NDArray[np.float64]) -> tuple[float, float]:
    """`sample` is sorted. Marks of missing values, hot pixels and metal would leave the rest a single grey."""
    for value in (sample[:1], sample[-1:]):
        others = sample[sample != value]
        if 1 + np.count_nonzero(np.diff(others)) >= _FEWEST_OTHERS:
            margin = int(_OUTLIERS * len(others))
            least, most = others[margin], others[-1 - margin]
            low = least if least - low > _FAR * (most - least) > 0 else low
            high = most if high - most > _FAR * (most - least) > 0 else high
    return float(low), float(high)
