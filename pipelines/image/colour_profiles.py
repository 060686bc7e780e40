"""Converts colours to sRGB, as browsers do, by the ICC profile or the gamma that a file brings along.

Other pixels than those that people see would be judged otherwise: a curve in a profile hides a picture from everything
that looks at the stored values alone. LittleCMS (MIT licence) converts, by way of Pillow's ImageCms.
"""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pipelines.image.coded_colours import CODES, convert_codes_to_srgb
from pipelines.image.picture_facts import ProfileUse

# 8-bit levels. Profiles that are meant as sRGB differ that much: curves in tables or formulas, colorants rounded.
_SRGB_TOLERANCE = 3
_REMEMBERED, _MAX_REMEMBERED_BYTES = 64, 2**16  # profiles: cameras and programs write the same few small ones
_TAG_ENTRY, _FLOAT_TABLES = 12, (b"D2B", b"B2D")
_SPACES = {"RGB": "RGB ", "RGBA": "RGB ", "L": "GRAY", "CMYK": "CMYK"}  # modes, as profiles name them

# A file's gamma of 1 / 2.2 is that of displays. Nearer to it than this factor, nothing is seen of the difference.
_DISPLAY_GAMMA, _GAMMA_TOLERANCE = 1 / 2.2, 0.05


def declares_colours(info: dict[Any, Any]) -> bool:
    """Whether a file says how its colours are meant; `info` is that of its reader."""
    return CODES in info or "icc_profile" in info or _read_gamma(info) is not None


def convert_to_srgb(colours: Image.Image, info: dict[Any, Any]) -> tuple[Image.Image, ProfileUse]:
    """Convert `colours` of mode L, RGB, RGBA or CMYK, and tell how; `info` is as above.

    sRGB's own profiles are recognised by the colours that they give, whatever their name. A profile that is damaged, or
    for another kind of pixels, is ignored: the colours stay as they are, in their own mode. Otherwise the result is
    RGB, or RGBA with the same alpha; pixels of these modes are changed in place.
    """
    if CODES in info and colours.mode != "CMYK":
        return convert_codes_to_srgb(colours, info[CODES]), "converted"
    if "icc_profile" not in info:
        return _apply_gamma(colours, info)
    profile = info["icc_profile"]
    if not isinstance(profile, bytes):  # its reader has found no whole one
        return colours, "ignored"
    try:
        if colours.mode in ("RGB", "RGBA") and _gives_srgb(profile):
            return colours, "srgb"
        return _apply_profile(colours, profile), "converted"
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return colours, "ignored"


def _apply_profile(colours: Image.Image, profile: bytes) -> Image.Image:
    """Raises what ImageCms raises, or ValueError for a profile of another kind of pixels."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(_hide_float_tables(profile)))
    if source.profile.xcolor_space != _SPACES[colours.mode]:
        raise ValueError(f"a profile of {source.profile.xcolor_space!r} for pixels of {colours.mode}")
    in_place = colours.mode in ("RGB", "RGBA")
    mode = colours.mode if in_place else "RGB"
    # By the perceptual table where there are several, as browsers do.
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), colours.mode, mode)
    converted = ImageCms.applyTransform(colours, transform, inPlace=in_place)
    return colours if converted is None else converted


def _hide_float_tables(profile: bytes) -> bytes:
    """Rename the tags of tables of any number of elements: one of a megabyte would take LittleCMS minutes.

    Browsers do not read them either. The tag table is ICC.1:2022, 7.3.
    """
    count = min(int.from_bytes(profile[128:132], "big"), len(profile) // _TAG_ENTRY)
    starts = range(132, 132 + _TAG_ENTRY * count, _TAG_ENTRY)
    hidden = [at for at in starts if profile.startswith(_FLOAT_TABLES, at)]
    if not hidden:
        return profile
    renamed = bytearray(profile)
    for at in hidden:
        renamed[at : at + 4] = b"none"
    return bytes(renamed)


def _gives_srgb(profile: bytes) -> bool:
    """Raises as `_apply_profile` does."""
    remembers = len(profile) <= _MAX_REMEMBERED_BYTES
    return _remember_whether_it_gives_srgb(profile) if remembers else _measure_whether_it_gives_srgb(profile)


def _measure_whether_it_gives_srgb(profile: bytes) -> bool:
    """Compare 985 colours, all greys among them, before and after."""
    stored = _draw_colours()
    shown = np.asarray(_apply_profile(Image.fromarray(stored), profile))
    return bool(np.abs(shown.astype(np.int16) - stored).max() <= _SRGB_TOLERANCE)


_remember_whether_it_gives_srgb = lru_cache(_REMEMBERED)(_measure_whether_it_gives_srgb)


def _draw_colours() -> NDArray[np.uint8]:
    """(985, 1, 3) uint8 RGB: all greys, and a grid of nine levels a channel."""
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    return np.concatenate([greys, grid])[:, None]


def _apply_gamma(colours: Image.Image, info: dict[Any, Any]) -> tuple[Image.Image, ProfileUse]:
    gamma = _read_gamma(info)
    if gamma is None or colours.mode == "CMYK":
        return colours, "none"
    curve = (255 * (np.arange(256) / 255) ** (_DISPLAY_GAMMA / gamma)).round().astype(np.uint8).tolist()
    has_alpha = colours.mode == "RGBA"
    channels = 1 if colours.mode == "L" else 3
    return colours.point(curve * channels + list(range(256)) * has_alpha), "converted"


def _read_gamma(info: dict[Any, Any]) -> float | None:
    """Of a PNG's gAMA chunk, which counts where there is no sRGB chunk; None for that of displays.

    Texts share `info` with it, but they are strings.
    """
    gamma = info.get("gamma")
    if not isinstance(gamma, float) or gamma <= 0 or "srgb" in info:
        return None
    return gamma if abs(_DISPLAY_GAMMA / gamma - 1) > _GAMMA_TOLERANCE else None
