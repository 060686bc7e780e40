"""Draw a HEIC file for the tests, so that none has to be committed and no HEVC encoder installed.

The image is stored as ITU-T H.265 (HEVC) video: one IDR picture, one I slice, every coding unit I_PCM,
that is, raw 8-bit 4:2:0 samples. Nothing is predicted, transformed or filtered, so a decoder gives back
exactly the samples written; the only loss is the conversion to YCbCr with halved chroma.

The file around it follows ISO/IEC 23008-12 (HEIF: items and their properties), ISO/IEC 14496-12 (boxes,
`clap`) and ISO/IEC 14496-15 (`hvcC`, and NAL units with their length in front).
"""

import re
import struct

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8]

# Coding tree block = smallest coding block = PCM block, so that no split flag is ever coded.
# 32 is the largest PCM block that H.265 knows.
CTB_LOG2 = 5
CTB = 1 << CTB_LOG2

NAL_IDR_N_LP, NAL_VPS, NAL_SPS, NAL_PPS = 20, 32, 33, 34
IMAGE_ID, EXIF_ID = 1, 2

# profile_tier_level(), which VPS, SPS and hvcC share: Main Still Picture (3), compatible with Main (1) and
# Main 10 (2); progressive, non-packed, frame-only; level 6, whose high limits leave room for raw samples.
PROFILE_TIER_LEVEL = struct.pack(">BIB5xB", 3, 0b0111 << 28, 0b1011 << 4, 180)

# H.265 rangeTabLps for qRangeIdx 3 (the only one met, see `_cu_headers`), pStateIdx 0 to 62.
RANGE_LPS = (
    240, 227, 216, 205, 195, 185, 175, 166, 158, 150, 142, 135, 128, 122, 116, 110, 104, 99, 94, 89, 85,
    80, 76, 72, 69, 65, 62, 59, 56, 53, 50, 48, 45, 43, 41, 39, 37, 35, 33, 31, 30, 28,
    27, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9,
)  # fmt: skip


def write_heic(
    pixels: Samples, *, rotation: int = 0, mirror: int | None = None, orientation: int | None = None
) -> bytes:
    """The bytes of a HEIC file that stores `pixels`, an (H, W, 3) array of RGB.

    `rotation` is the `irot` property: the quarter turns anticlockwise that a reader has to make (0: none).
    `mirror` is the `imir` property, applied after it: 0 exchanges top and bottom, 1 left and right; even sizes only.
    `orientation` is the Exif orientation tag, written in an Exif item of its own (None: no such item).
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(f"need a non-empty uint8 (H, W, 3) array, not {pixels.dtype} {pixels.shape}")
    if rotation not in range(4):
        raise ValueError(f"rotation is 0 to 3 quarter turns, not {rotation}")
    # 4:2:0 video has even sizes: an odd one gets a line more, which `clap` cuts off. libheif 1.23 gives wrong
    # colours when it turns an image already cut to an odd size, so `clap` comes after `irot` here, and the
    # line goes where the turn brings it to the right or bottom.
    turned = np.rot90(pixels, rotation)
    shown_height, shown_width = turned.shape[:2]
    even = np.rot90(_padded(turned, 2), -rotation)
    slice_nal = _nal(NAL_IDR_N_LP, _slice(even))
    items = [(IMAGE_ID, b"hvc1", struct.pack(">I", len(slice_nal)) + slice_nal)]
    if orientation is not None:
        items.append((EXIF_ID, b"Exif", _exif(orientation)))
    properties = _properties(even.shape[1], even.shape[0], rotation, mirror, shown_width, shown_height)
    ftyp = _box(b"ftyp", b"heic", struct.pack(">I", 0), b"mif1heic")
    # Items are located from the start of the file: measure with any offset, then write the real one.
    data_at = len(ftyp) + len(_meta(items, properties, 0)) + 8
    return ftyp + _meta(items, properties, data_at) + _box(b"mdat", *(data for _, _, data in items))


def _padded(pixels: Samples, multiple: int) -> Samples:
    """Edges repeated to the right and bottom, so that the padding does not show in the chroma means."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, -height % multiple), (0, -width % multiple), (0, 0)), mode="edge")


def _ycbcr_blocks(pixels: Samples) -> list[Samples]:
    """Luma, Cb and Cr (BT.601 full range, chroma the mean of 2x2), each with a row per coding tree block."""
    red, green, blue = np.moveaxis(_padded(pixels, CTB).astype(np.float32), 2, 0)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    blocks = [_blocks(luma, CTB)]
    for chroma in ((blue - luma) / 1.772, (red - luma) / 1.402):
        rows = chroma[::2] + chroma[1::2]
        blocks.append(_blocks((rows[:, ::2] + rows[:, 1::2]) / 4 + 128, CTB // 2))
    return blocks


def _blocks(plane: NDArray[np.float32], size: int) -> Samples:
    """One row per `size` x `size` block of the plane; blocks, and samples in a block, in raster order."""
    rows, cols = plane.shape[0] // size, plane.shape[1] // size
    samples = np.clip(np.rint(plane), 0, 255).astype(np.uint8)
    return samples.reshape(rows, size, cols, size).swapaxes(1, 2).reshape(rows * cols, size * size)


def _cu_headers(count: int) -> Samples:
    """The two CABAC bytes in front of each coding unit's samples.

    They code end_of_slice_segment_flag = 0 (for the unit before), part_mode = 2Nx2N and pcm_flag = 1; then
    the coder flushes and, after the samples, starts anew with range 510. The flags are terminate bins, which
    take 2 off the range. part_mode is always the more probable symbol: it takes off the table's value and
    moves its context, which no restart resets, one state on (from 0, for initValue 184 and QP 26). The range
    never falls below 256 meanwhile, so nothing leaves the coder before the flush, which then writes the 9
    bits of the interval's low end with the last bit set.
    """
    states = np.minimum(np.arange(count), len(RANGE_LPS) - 1)
    ranges = 508 - np.array(RANGE_LPS)[states]
    ranges[0] += 2  # no unit before the first
    words = ((ranges - 2) | 1) << 7
    return words.astype(">u2").view(np.uint8).reshape(count, 2)


def _slice(pixels: Samples, *, is_grey: bool = False) -> bytes:
    # first_slice_segment_in_pic_flag, no_output_of_prior_pics_flag; PPS 0, slice_type I, slice_qp_delta 0
    header = _rbsp("10" + _ue(0) + _ue(2) + _ue(0))
    blocks = _ycbcr_blocks(pixels)[: 1 if is_grey else 3]
    units = np.hstack([_cu_headers(len(blocks[0])), *blocks])
    # end_of_slice_segment_flag = 1 from a fresh coder; the last bit of its flush is the RBSP stop bit.
    return header + units.tobytes() + struct.pack(">H", (508 | 1) << 7)


def _ue(value: int) -> str:
    """Exp-Golomb code, as a string of 0 and 1 like all bits here; that of 0 is the same for se(v)."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _rbsp(bits: str) -> bytes:
    """The bits, a stop bit, and zeros up to a whole byte."""
    bits += "1" + "0" * (-(len(bits) + 1) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _nal(nal_type: int, rbsp: bytes) -> bytes:
    # Emulation prevention: 3 goes between two zero bytes and one of 0 to 3, or they would pass for a start code.
    return bytes([nal_type << 1, 1]) + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", rbsp)


def _vps() -> bytes:
    fixed = struct.pack(">HH", 0b0000_11_000000_000_1, 0xFFFF)  # id 0, base layer, one layer, one sub-layer
    # ordering info (1 picture, no reordering); max layer id, one layer set; no timing info, no extension
    return _nal(NAL_VPS, fixed + PROFILE_TIER_LEVEL + _rbsp("1" + _ue(0) * 3 + "000000" + _ue(0) + "00"))


def _sps(width: int, height: int, *, is_grey: bool = False) -> bytes:
    pad_x, pad_y = -width % CTB, -height % CTB
    bits = _ue(0) + _ue(0 if is_grey else 1) + _ue(width + pad_x) + _ue(height + pad_y)  # id 0, 4:2:0, coded size
    bits += "1" + _ue(0) + _ue(pad_x // 2) + _ue(0) + _ue(pad_y // 2)  # conformance window, in chroma samples
    bits += _ue(0) * 3 + "1" + _ue(0) * 3  # 8 bits luma and chroma, POC of 4 bits; ordering as in the VPS
    bits += _ue(CTB_LOG2 - 3) + _ue(0)  # coding blocks: one size
    bits += _ue(0) + _ue(CTB_LOG2 - 2) + _ue(0) * 2  # transform blocks: 4 to CTB, no hierarchy; none is coded
    bits += "000"  # no scaling lists, asymmetric partitions, sample adaptive offset
    bits += "1" + "0111" * 2 + _ue(CTB_LOG2 - 3) + _ue(0) + "1"  # PCM: 8 bits, one size, not loop filtered
    bits += _ue(0) + "00000"  # no reference sets, temporal vectors, smoothing, VUI (see `colr`), extension
    return _nal(NAL_SPS, b"\x01" + PROFILE_TIER_LEVEL + _rbsp(bits))  # VPS 0, one sub-layer, nesting


def _pps() -> bytes:
    bits = _ue(0) * 2 + "0000000" + _ue(0) * 2  # ids 0; none of the slice header's options; reference counts
    bits += _ue(0) + "000" + _ue(0) * 2 + "0000000"  # QP 26, no offsets to it; no weights, tiles, wavefronts
    bits += "101" + "00" + _ue(0) + "00"  # deblocking off; no scaling lists, list changes, extensions
    return _nal(NAL_PPS, _rbsp(bits))


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full_box(kind: bytes, version: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">B3x", version), *parts)


def _hvcc(width: int, height: int, *, is_grey: bool = False, bits: int = 8) -> bytes:
    # No segmentation or parallelism, 4:2:0, 8 bits, no frame rate; one sub-layer, 4-byte lengths; 3 arrays.
    depth = 0xF8 | bits - 8
    head = struct.pack(">HBBBBHBB", 0xF000, 0xFC, 0xFC | (not is_grey), depth, depth, 0, 0x0F, 3)
    nals = ((NAL_VPS, _vps()), (NAL_SPS, _sps(width, height, is_grey=is_grey)), (NAL_PPS, _pps()))
    arrays = (struct.pack(">BHH", 0x80 | nal_type, 1, len(nal)) + nal for nal_type, nal in nals)
    return _box(b"hvcC", b"\x01", PROFILE_TIER_LEVEL, head, *arrays)


def _properties(
    width: int, height: int, rotation: int, mirror: int | None, shown_width: int, shown_height: int
) -> list[bytes]:
    """The image's property boxes; those that transform it come last, in the order a reader applies them."""
    boxes = [
        _hvcc(width, height),
        _full_box(b"ispe", 0, struct.pack(">II", width, height)),
        _full_box(b"pixi", 0, b"\x03\x08\x08\x08"),
        _box(b"colr", b"nclx", struct.pack(">HHHB", 1, 13, 6, 0x80)),  # BT.709, sRGB, BT.601, full range
    ]
    if rotation:
        boxes.append(_box(b"irot", bytes([rotation])))
    if mirror is not None:
        boxes.append(_box(b"imir", bytes([mirror])))
    if shown_width % 2 or shown_height % 2:
        # The offset is the centre's: half a sample left or up for the line cut off at the right or bottom.
        offset = struct.pack(">iIiI", -(shown_width % 2), 2, -(shown_height % 2), 2)
        boxes.append(_box(b"clap", struct.pack(">IIII", shown_width, 1, shown_height, 1), offset))
    return boxes


def _exif(orientation: int) -> bytes:
    """Where the TIFF header is in what follows (behind `Exif`), then a TIFF with the one tag 0x0112."""
    tiff = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return struct.pack(">I", 6) + b"Exif\0\0" + tiff


def _meta(items: list[tuple[int, bytes, bytes]], properties: list[bytes], offset: int) -> bytes:
    """The meta box for items whose data lie one behind the other from `offset` on."""
    count = struct.pack(">H", len(items))
    locations, entries = b"", b""
    for item_id, kind, data in items:
        locations += struct.pack(">HHHII", item_id, 0, 1, offset, len(data))
        entries += _full_box(b"infe", 2, struct.pack(">HH4sx", item_id, 0, kind))
        offset += len(data)
    # 0x80 says that a reader must know the property: the decoder's set-up and the transformations.
    must = (b"hvcC", b"irot", b"imir", b"clap")
    links = bytes(index | 0x80 * (box[4:8] in must) for index, box in enumerate(properties, 1))
    ipma = _full_box(b"ipma", 0, struct.pack(">IHB", 1, IMAGE_ID, len(links)), links)
    cdsc = _box(b"cdsc", struct.pack(">HHH", EXIF_ID, 1, IMAGE_ID))
    boxes = (
        _full_box(b"hdlr", 0, struct.pack(">4x4s13x", b"pict")),
        _full_box(b"pitm", 0, struct.pack(">H", IMAGE_ID)),
        _full_box(b"iloc", 0, b"\x44\x00", count, locations),  # 4-byte offsets and lengths, no base
        _full_box(b"iinf", 0, count, entries),
        _full_box(b"iref", 0, cdsc) if len(items) > 1 else b"",
        _box(b"iprp", _box(b"ipco", *properties), ipma),
    )
    return _full_box(b"meta", 0, *boxes)
