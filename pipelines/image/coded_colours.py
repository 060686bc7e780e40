"""Converts colours to sRGB by the code points that a file names instead of a profile: HDR and wide gamuts of phones.

The codes are those of ITU-T H.273, which HEIF and AVIF keep in a `colr` box and PNG in a cICP chunk. Curves are those
of ITU-R BT.2100 (PQ, HLG); light over the reference white of 203 cd/m2 (BT.2408) is cut off.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.image.colour_modes import convert_by_bands
from pipelines.image.formats import FileFormat, iter_png_chunks
from pipelines.image.heif.boxes import ByteCursor, StructureInvalid, iter_boxes
from pipelines.image.heif.items import Item, read_items

ColourCodes = tuple[int, int]  # colour primaries, transfer characteristics
CODES = "colour_codes"

# x and y of red, green and blue. The white of all is D65; BT.601's differ from sRGB's by less than can be seen.
_WIDE = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # P3 with D65
}
_SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_D65 = (0.3127, 0.3290)
_GAMMA_2_8, _LINEAR, _PQ, _GAMMA_2_6, _HLG = 5, 8, 16, 17, 18  # the others are near sRGB's curve
_REFERENCE_WHITE, _PQ_PEAK = 203.0, 10_000.0  # cd/m2
_STEPS = 2**14  # of light, in the table that encodes it


def note_colour_codes(image: Image.Image, data: bytes, format: FileFormat) -> None:
    """Keep the codes of the file in the `info` of its reader, as `CODES`, where they and not a profile count.

    In a PNG they outweigh a profile (PNG 3, 11.3.2), in HEIF and AVIF they give way to it.
    """
    codes = read_colour_codes(data, format)
    if codes is not None and (format == "PNG" or "icc_profile" not in image.info):
        image.info[CODES] = codes


def read_colour_codes(data: bytes, format: FileFormat) -> ColourCodes | None:
    """None where there are none, or none that say more than sRGB."""
    codes = _read_png(data) if format == "PNG" else _read_iso(data) if format in ("HEIF", "AVIF") else None
    if codes is None:
        return None
    primaries, transfer = codes
    return codes if primaries in _WIDE or transfer in (_GAMMA_2_8, _LINEAR, _PQ, _GAMMA_2_6, _HLG) else None


def convert_codes_to_srgb(colours: Image.Image, codes: ColourCodes) -> Image.Image:
    """Of mode L, RGB or RGBA, in the same mode."""
    light = _to_light(np.arange(256) / 255, codes[1]).astype(np.float32)
    encoded = (255 * _encode(np.arange(_STEPS + 1) / _STEPS)).round().astype(np.uint8)
    matrix = _matrix_to_srgb(codes[0]).astype(np.float32)

    def encode(values: NDArray[np.float32]) -> NDArray[np.uint8]:
        return encoded[(values.clip(0, 1) * _STEPS).round().astype(np.int32)]

    def convert_band(band: Image.Image) -> Image.Image:
        if band.mode == "L":
            return Image.fromarray(encode(light[np.asarray(band)]))
        converted = Image.fromarray(encode(light[np.asarray(band)[..., :3]] @ matrix.T))
        if band.mode == "RGBA":
            converted.putalpha(band.getchannel("A"))
        return converted

    return convert_by_bands(colours, colours.mode, convert_band)


def _to_light(stored: NDArray[np.float64], transfer: int) -> NDArray[np.float64]:
    """Light, 1 being white, of stored shares."""
    if transfer == _PQ:
        root = stored ** (1 / 78.84375)
        share = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125)
        return share * (_PQ_PEAK / _REFERENCE_WHITE)
    if transfer == _HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(stored <= 0.5, stored**2 / 3, (np.exp((stored - c) / a) + b) / 12)
        display: NDArray[np.float64] = (scene / 0.265) ** 1.2  # the signal of reference white is .75
        return display
    powers = {_LINEAR: 1.0, _GAMMA_2_6: 2.6, _GAMMA_2_8: 2.8}
    if transfer in powers:
        raised: NDArray[np.float64] = stored ** powers[transfer]
        return raised
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def _encode(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stored shares of sRGB."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _matrix_to_srgb(primaries: int) -> NDArray[np.float64]:
    if primaries not in _WIDE:
        return np.eye(3)
    return np.linalg.inv(_matrix_to_xyz(_SRGB)) @ _matrix_to_xyz(_WIDE[primaries])


def _matrix_to_xyz(primaries: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]).T
    x, y = _D65
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    scaled: NDArray[np.float64] = columns * np.linalg.solve(columns, white)
    return scaled


def _read_png(data: bytes) -> ColourCodes | None:
    for kind, at, end in iter_png_chunks(data):
        if kind == b"IDAT" or end > len(data):
            return None
        if kind == b"cICP" and end - at >= 16:
            return data[at + 8], data[at + 9]
    return None


def _read_iso(data: bytes) -> ColourCodes | None:
    """Of the primary item, or of the first tile that it consists of."""
    try:
        meta = next((box for box in iter_boxes(data, 0, len(data)) if box.kind == b"meta"), None)
        if meta is None:
            return None
        items = read_items(data, meta)
        primary = items.get(_read_primary(data, meta.start + 4, meta.end), Item(b""))
    except StructureInvalid:
        return None
    parts = [primary, *(items[number] for number in primary.inputs[:1] if number in items)]
    boxes = [box for part in parts for box in part.properties if box.kind == b"colr"]
    for box in boxes:
        if data.startswith(b"nclx", box.start) and box.end - box.start >= 8:
            codes = data[box.start + 4 : box.start + 8]
            return int.from_bytes(codes[:2], "big"), int.from_bytes(codes[2:], "big")
    return None


def _read_primary(data: bytes, start: int, end: int) -> int:
    for box in iter_boxes(data, start, end):
        if box.kind == b"pitm":
            cursor = ByteCursor(data, box)
            version, _ = cursor.version_and_flags()
            return cursor.unsigned(2 if version == 0 else 4)
    return 0
