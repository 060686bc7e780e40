"""Signal "codes": QR codes and barcodes, what they say, and whether they lead where they must not.

Uses ZXing-C++ (https://github.com/zxing-cpp/zxing-cpp, Apache-2.0).
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.moderation.domains import Domains, hosts
from pipelines.moderation.types import Box, Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

Pixels = NDArray[np.uint8]

# Pixels of the longer side. QR codes are looked for at FINE: in a photograph, one of 33 modules is found from a
# twentyfifth of the longer side on, in 5 ms. The other kinds take six times as long by the pixel: at COARSE, and
# only dark on light. Together that is 6 ms for a megapixel.
FINE, COARSE = 2048, 640
# Without ITF, Codabar, Code 39 and others, whose weak or missing checksums find codes where none are.
_FINE_FORMATS = zxingcpp.barcode_formats_from_str("QRCode|MicroQRCode")
_COARSE_FORMATS = zxingcpp.barcode_formats_from_str("Aztec|DataMatrix|EAN13|EAN8|UPCA|UPCE|Code128")

MOST_SHOWN = 20  # codes that become evidence
LONGEST_SHOWN = 200  # characters of a payload that become evidence


@dataclass(frozen=True, slots=True)
class Code:
    """`box` is in pixels of the upright original."""

    format: str
    payload: str
    box: Box


@dataclass(frozen=True)
class Codes:
    """`domains` gives the lists that are in force now: they can change between two requests."""

    domains: Callable[[], Awaitable[Domains]]
    pool: CpuPool
    name: str = "codes"

    @property
    def models(self) -> list[ModelUsed]:
        return []

    @property
    def shorter_side(self) -> int:
        return FINE * 3 // 4

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """Scores 0 or 1: `present` any code, `url` one with a link, `denied` and `unlisted` as the lists say."""
        domains = await self.domains()
        codes = await self.pool.run(find_codes, picture.pixels, picture.scale)
        return judge(codes, domains)


def judge(codes: list[Code], domains: Domains) -> SignalResult:
    links = [hosts(code.payload) for code in codes]
    targets = [host for found in links for host in found]
    scores = {
        "present": bool(codes),
        "url": bool(targets),
        "denied": any(domains.is_denied(host) for host in targets),
        "unlisted": any(domains.is_unlisted(host) for host in targets),
    }
    # A cap on evidence must not hide the code that is the reason.
    worst = sorted(zip(codes, links, strict=True), key=lambda one: -_badness(one[1], domains))
    evidence = [
        Evidence(what=code.format, score=float(_badness(found, domains) > 0), detail=shown(code.payload), box=code.box)
        for code, found in worst[:MOST_SHOWN]
    ]
    numbers = {name: float(fact) for name, fact in scores.items()}
    return SignalResult.of(numbers, evidence, detector="zxing-cpp", version="1")


def find_codes(pixels: Image.Image, scale: float) -> list[Code]:
    """Codes in upright `pixels`, which are `scale` times as large as the original."""
    grey = _at_most(np.asarray(pixels.convert("L")), FINE)
    coarse = _at_most(grey, COARSE)
    finely = zxingcpp.read_barcodes(grey, formats=_FINE_FORMATS, text_mode=zxingcpp.TextMode.Plain)
    coarsely = zxingcpp.read_barcodes(
        coarse, formats=_COARSE_FORMATS, text_mode=zxingcpp.TextMode.Plain, try_downscale=False, try_invert=False
    )
    looks = ((grey, finely), (coarse, coarsely))
    return [_code(one, scale * max(image.shape) / max(pixels.size)) for image, found in looks for one in found]


def shown(payload: str) -> str:
    """The beginning of a payload, without anything that could break a line or a terminal."""
    printable = "".join(one if one.isprintable() else "\ufffd" for one in payload[:LONGEST_SHOWN])
    return printable + "…" * (len(payload) > LONGEST_SHOWN)


def _badness(found: Iterable[str], domains: Domains) -> int:
    return max((2 * domains.is_denied(host) + domains.is_unlisted(host) for host in found), default=0)


def _at_most(grey: Pixels, side: int) -> Pixels:
    shrink = side / max(grey.shape)
    if shrink >= 1:
        return grey
    height, width = (max(1, round(edge * shrink)) for edge in grey.shape)
    return cast(Pixels, cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA))


def _code(barcode: zxingcpp.Barcode, factor: float) -> Code:
    place = barcode.position
    corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
    across, down = [corner.x / factor for corner in corners], [corner.y / factor for corner in corners]
    box = (round(min(across), 1), round(min(down), 1), round(max(across), 1), round(max(down), 1))
    return Code(barcode.format.name, barcode.text, box)
