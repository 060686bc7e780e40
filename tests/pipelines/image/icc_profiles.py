"""ICC profiles (ICC.1:2010, version 2) for tests: of displays, of grey, and of four inks."""

import struct
from collections.abc import Callable, Mapping, Sequence

Curve = Callable[[float], float]  # from a stored share to a share of light

# Colorants adapted to D50: of Display P3 (Apple's figures) and of ROMM RGB, which is ProPhoto.
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
_D50 = (0.9642, 1.0, 0.8249)


def power(exponent: float) -> Curve:
    return lambda share: share**exponent


def srgb_curve(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def write_rgb_profile(
    colorants: Sequence[Sequence[float]],
    curve: Curve,
    *,
    name: str = "",
    padding: bytes = b"",
    float_elements: int = 0,
) -> bytes:
    """`padding` becomes a private tag. A table of floats that turns all to black has `float_elements` matrices."""
    tags = {kind: _xyz(point) for kind, point in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _table(curve))
    if padding:
        tags[b"pad "] = b"data\0\0\0\0\0\0\0\1" + padding
    if float_elements:
        tags[b"D2B0"] = _float_table(float_elements)
    return _write(b"RGB ", b"XYZ ", tags, name)


def write_grey_profile(curve: Curve) -> bytes:
    return _write(b"GRAY", b"XYZ ", {b"kTRC": _table(curve)}, "")


def write_ink_profile(lab_of: Callable[[tuple[int, ...]], Sequence[float]]) -> bytes:
    """A table of the 16 mixtures of CMYK at full strength, each given as L, a and b."""
    mixtures = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    nodes = b"".join(
        bytes((round(lab[0] * 2.55), *(round(one) + 128 for one in lab[1:]))) for lab in map(lab_of, mixtures)
    )
    straight = bytes(range(256))
    unit = struct.pack(">9i", 65_536, 0, 0, 0, 65_536, 0, 0, 0, 65_536)
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + unit + straight * 4 + nodes + straight * 3
    return _write(b"CMYK", b"Lab ", {b"A2B0": lut}, "", kind=b"prtr")


def _float_table(elements: int) -> bytes:
    """All elements are one and the same matrix of zeros."""
    matrix = b"matf\0\0\0\0" + struct.pack(">HH12f", 3, 3, *[0.0] * 12)
    head = b"mpet\0\0\0\0" + struct.pack(">HHI", 3, 3, elements)
    return head + struct.pack(">II", len(head) + 8 * elements, len(matrix)) * elements + matrix


def _write(space: bytes, connection: bytes, tags: Mapping[bytes, bytes], name: str, *, kind: bytes = b"mntr") -> bytes:
    text = name.encode() + b"\0"
    tags = {b"wtpt": _xyz(_D50), **tags}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s24x", at + len(body), 0x02400000, kind, space, connection, b"acsp")
    head += struct.pack(">4x3i", *(round(one * 65_536) for one in _D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(point: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(one * 65_536) for one in point))


def _table(curve: Curve) -> bytes:
    values = [round(65_535 * min(1.0, max(0.0, curve(at / 1023)))) for at in range(1024)]
    return b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *values)
