"""Makes colours of 16 bits visible that use few of them, such as 12 bits of a sensor: their upper bytes are black."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from pipelines.image.colour_modes import get_channel_ranges, split_into_bands
from pipelines.image.deep_grey import choose_white, keep_upper_bits

_MOST_DIM = 63  # upper byte of 14 bits
_GREY_WITH_ALPHA, _FOUR_BYTES = "LA;16B", "RGBA"  # both are 32 bits a pixel, which PNG's filters count
_OTHER_ORDER = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B"}  # N is the machine's own, which is L


def has_deep_colours(image: ImageFile.ImageFile) -> bool:
    """Whether a picture that is not loaded yet has colours of 16 bits a channel, of which Pillow keeps the upper 8."""
    return image.mode in ("RGB", "RGBA") and len(image.tile) > 0 and ";16" in str(image.tile[0].args)


def brighten_dim_colours(image: ImageFile.ImageFile, reopen: Callable[[], ImageFile.ImageFile]) -> None:
    """Scale the loaded `image` of deep colours by the values that it holds, in place; `reopen` opens it once more."""
    if max(highest for _, highest in get_channel_ranges(image)[:3]) > _MOST_DIM:
        return
    with reopen() as lower:
        is_grey = lower.tile[0].args == _GREY_WITH_ALPHA
        lower.tile = [tile._replace(args=_swap_order(tile.args)) for tile in lower.tile]
        lower.load()
        white = choose_white(max(int(_join(image, lower, box, is_grey).max()) for box in split_into_bands(image)))
        for box in split_into_bands(image):
            colours = Image.fromarray(keep_upper_bits(_join(image, lower, box, is_grey), white))
            if image.mode == "RGBA":
                colours.putalpha(image.crop(box).getchannel("A"))
            image.paste(colours, box)


def _swap_order(args: Any) -> Any:
    """As if the bytes of each value stood the other way round, so that Pillow keeps the lower ones.

    It cannot turn grey with alpha round: its four bytes are read as those of RGBA.
    """
    if args == _GREY_WITH_ALPHA:
        return _FOUR_BYTES
    if isinstance(args, tuple):
        return (_swap_order(args[0]), *args[1:])
    name, order = args[:-4], args[-4:]
    return name + _OTHER_ORDER[order]


def _join(upper: Image.Image, lower: Image.Image, box: tuple[int, int, int, int], is_grey: bool) -> NDArray[np.uint16]:
    """(rows, width, 3) of all 16 bits, without alpha; of grey, `lower` has both bytes."""
    high, low = (np.asarray(one.crop(box))[..., :3].astype(np.uint16) for one in (upper, lower))
    if is_grey:
        low = low[..., 1:2]
    joined: NDArray[np.uint16] = np.left_shift(high, 8, dtype=np.uint16) | low
    return joined
