"""Pillow's reader of PNG, without texts, and with profiles of any size that browsers read.

Pillow refuses a picture whose texts or profile have more than a megabyte once they are inflated. Nothing here needs
texts: moderation reads the file itself. A large profile counts as well, because any can be padded.
"""

import io
import zlib
from collections.abc import Iterator

from PIL import PngImagePlugin

from pipelines.image.formats import iter_png_chunks

_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_PROFILE = b"iCCP"
_MAX_PROFILE_NAME = 80  # bytes, with what follows it
MAX_PROFILE_BYTES = 2**24  # as much as a JPEG can have


def open_png(file: io.BytesIO) -> PngImagePlugin.PngImageFile:
    """Raises what Pillow's reader raises."""
    data = file.getvalue()
    profiles = list[bytes]()
    parts = list(_list_kept(data, profiles))
    image = PngImagePlugin.PngImageFile(file if len(parts) == 1 else io.BytesIO(b"".join(parts)))
    if profiles:
        image.info["icc_profile"] = _inflate(profiles[0], MAX_PROFILE_BYTES)
    return image


def _list_kept(data: bytes, profiles: list[bytes]) -> Iterator[bytes]:
    """The stretches between what is left out; one where nothing is. Damage is left to the reader.

    `profiles` gets the contents of the profiles that are left out.
    """
    start = 0
    for kind, at, end in iter_png_chunks(data):
        if end > len(data):
            break
        is_large = kind == _PROFILE and _inflate(data[at + 8 : end - 4], PngImagePlugin.MAX_TEXT_CHUNK) is None
        if is_large:
            profiles.append(data[at + 8 : end - 4])
        if is_large or kind in _TEXTS:
            yield data[start:at]
            start = end
    yield data[start:]


def _inflate(chunk: bytes, most: int) -> bytes | None:
    """A profile of at most so many bytes, of which no more are inflated; None for a larger or a damaged one."""
    name_end = chunk.find(b"\0", 0, _MAX_PROFILE_NAME)
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(chunk[name_end + 2 :], most)
    except zlib.error:
        return None
    return None if inflater.unconsumed_tail else profile
