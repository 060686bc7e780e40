"""Pillow's reader of PNG, without texts, and without a profile that is too large to be one.

Pillow refuses a picture whose texts or profile have more than a megabyte once they are inflated, and it takes an
orientation from XMP, which browsers do not. Nothing here needs texts but Exif: moderation reads the file itself.
"""

import io
import zlib
from collections.abc import Iterator

from PIL import PngImagePlugin

from pipelines.image.formats import iter_png_chunks

_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_EXIF_TEXT = b"Raw profile type "  # as ImageMagick wrote Exif before there was a chunk for it
_PROFILE = b"iCCP"
_MAX_PROFILE_NAME = 80  # bytes, with what follows it


def open_png(file: io.BytesIO) -> PngImagePlugin.PngImageFile:
    """Raises what Pillow's reader raises."""
    data = file.getvalue()
    parts = list(_list_kept(data))
    return PngImagePlugin.PngImageFile(file if len(parts) == 1 else io.BytesIO(b"".join(parts)))


def _list_kept(data: bytes) -> Iterator[bytes]:
    """The stretches between what is left out; one where nothing is. Damage is left to the reader."""
    start = 0
    for kind, at, end in iter_png_chunks(data):
        if end > len(data):
            break
        is_text = kind in _TEXTS and not data.startswith(_EXIF_TEXT, at + 8)
        if is_text or (kind == _PROFILE and _is_too_large(data[at + 8 : end - 4])):
            yield data[start:at]
            start = end
    yield data[start:]


def _is_too_large(profile: bytes) -> bool:
    """Whether a chunk inflates to more than Pillow allows; no more than that is inflated."""
    name_end = profile.find(b"\0", 0, _MAX_PROFILE_NAME)
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(profile[name_end + 2 :], PngImagePlugin.MAX_TEXT_CHUNK)
    except zlib.error:
        return False
    return bool(inflater.unconsumed_tail)
