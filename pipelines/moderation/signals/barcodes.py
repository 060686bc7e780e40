"""Signal "codes": reads QR codes and barcodes, and checks their links against lists of domains.

Uses ZXing-C++ (https://github.com/zxing-cpp/zxing-cpp, Apache-2.0).
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image

from pipelines.boxes import Box
from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.image.frame_views import FrameViews, SeenCode
from pipelines.instructions.quoted_text import find_in_code
from pipelines.moderation.domains import DomainLists, find_hosts
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

GreyPixels = NDArray[np.uint8]

# Pixels of the longer side. QR codes are searched at FINE: in a photograph, one of 33 modules is found from a
# twentyfifth of the longer side on, in 5 ms. The other kinds take six times as long by the pixel: they are searched
# at COARSE, and only dark on light. Together that is 6 ms for a megapixel.
FINE, COARSE = 2048, 640
# Without ITF, Codabar, Code 39 and others, whose weak or missing checksums find codes where none are.
# Names, which take 8 µs to parse: a module that holds the parsed objects may free them after the library at exit, which
# then reports leaks on stderr.
_FINE_FORMATS = "QRCode|MicroQRCode"
_COARSE_FORMATS = "Aztec|DataMatrix|EAN13|EAN8|UPCA|UPCE|Code128"

SHARED_BARCODES = "find barcodes"  # their key among a request's shared work

MAX_SHOWN = 20  # codes that become evidence
MAX_SHOWN_LENGTH = 200  # characters of a payload that become evidence


@dataclass(frozen=True, slots=True)
class Barcode:
    """`box` is in pixels of the upright original."""

    format: str
    payload: str
    box: Box


@dataclass(frozen=True)
class BarcodeSignal:
    """`domains` gives the lists that are in force now: they can change between two requests."""

    domains: Callable[[], Awaitable[DomainLists]]
    pool: CpuPool
    name: ClassVar[str] = "codes"

    @classmethod
    def score_names(cls) -> ScoreNames:
        return ("present", "url", "denied", "unlisted")

    @property
    def models(self) -> list[ModelUsed]:
        return []

    @property
    def shorter_side(self) -> int:
        return FINE * 3 // 4

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """Scores are 0 or 1: `present` any code, `url` one with a link, `denied` and `unlisted` as the lists say."""
        domains = await self.domains()
        barcodes = await find_barcodes_once(self.pool, picture, context)
        return await self.pool.run(score_barcodes, barcodes, domains)

    async def screen(self, views: FrameViews, first: int) -> list[int]:
        return await self.pool.run(_find_codes, views.codes, first, await self.domains()) if views.codes else []


def _find_codes(codes: Sequence[SeenCode], first: int, domains: DomainLists) -> list[int]:
    """One frame for each payload that the frame `first` does not have; denied hosts first."""
    known = {code.payload for code in codes if code.frame == first}
    frames = {code.payload: code.frame for code in reversed(codes) if code.payload not in known}
    worst_first = sorted(frames, key=lambda payload: (-_rank_hosts(find_hosts(payload), domains), frames[payload]))
    return list(dict.fromkeys(frames[payload] for payload in worst_first))


async def find_barcodes_once(pool: CpuPool, picture: Picture, context: RunContext) -> list[Barcode]:
    """The barcodes of a picture for all signals of a request."""
    return await context.once(SHARED_BARCODES, lambda: pool.run(find_barcodes, picture.pixels, picture.scale))


def score_barcodes(barcodes: list[Barcode], domains: DomainLists) -> SignalResult:
    hosts_of_each = [find_hosts(barcode.payload) for barcode in barcodes]
    all_hosts = [host for hosts in hosts_of_each for host in hosts]
    facts = {
        "present": bool(barcodes),
        "url": bool(all_hosts),
        "denied": any(domains.is_denied(host) for host in all_hosts),
        "unlisted": any(domains.is_unlisted(host) for host in all_hosts),
    }
    # A cap on evidence must not hide the code that is the reason.
    worst_first = sorted(zip(barcodes, hosts_of_each, strict=True), key=lambda one: -_rank_hosts(one[1], domains))
    evidence = [
        _describe_barcode(barcode, score=float(_rank_hosts(hosts, domains) > 0))
        for barcode, hosts in worst_first[:MAX_SHOWN]
    ]
    scores = {name: float(fact) for name, fact in facts.items()}
    return SignalResult.of(scores, evidence, detector="zxing-cpp", version="1")


def find_barcodes(pixels: Image.Image, scale: float) -> list[Barcode]:
    """Barcodes in upright `pixels`, which are `scale` times as large as the original."""
    fine = _shrink_to(_to_grey(pixels), FINE)
    coarse = _shrink_to(fine, COARSE)
    fine_formats = zxingcpp.barcode_formats_from_str(_FINE_FORMATS)
    coarse_formats = zxingcpp.barcode_formats_from_str(_COARSE_FORMATS)
    found_fine = zxingcpp.read_barcodes(fine, formats=fine_formats, text_mode=zxingcpp.TextMode.Plain)
    found_coarse = zxingcpp.read_barcodes(
        coarse, formats=coarse_formats, text_mode=zxingcpp.TextMode.Plain, try_downscale=False, try_invert=False
    )
    passes = ((fine, found_fine), (coarse, found_coarse))
    return [
        _convert_barcode(one, scale * max(image.shape) / max(pixels.size)) for image, found in passes for one in found
    ]


def _describe_barcode(barcode: Barcode, *, score: float) -> Evidence:
    detail = make_printable(barcode.payload)
    return Evidence(
        what=barcode.format, score=score, detail=detail, box=barcode.box, instructions=find_in_code(detail) or None
    )


def make_printable(payload: str) -> str:
    """The beginning of a payload, without anything that could break a line or a terminal."""
    printable = "".join(one if one.isprintable() else "\ufffd" for one in payload[:MAX_SHOWN_LENGTH])
    return printable + "…" * (len(payload) > MAX_SHOWN_LENGTH)


def _rank_hosts(hosts: Iterable[str], domains: DomainLists) -> int:
    """3 or 2 where a host is denied, 1 where one is unlisted, else 0."""
    return max((2 * domains.is_denied(host) + domains.is_unlisted(host) for host in hosts), default=0)


def _to_grey(pixels: Image.Image) -> GreyPixels:
    """(h, w), smaller by a whole number as long as the longer side keeps `FINE` pixels: large copies take memory."""
    whole = max(pixels.size) // FINE
    return np.asarray((pixels.reduce(whole) if whole > 1 else pixels).convert("L"))


def _shrink_to(grey: GreyPixels, side: int) -> GreyPixels:
    """`grey` with a longer side of at most `side`."""
    shrink = side / max(grey.shape)
    if shrink >= 1:
        return grey
    height, width = (max(1, round(edge * shrink)) for edge in grey.shape)
    return cast(GreyPixels, cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA))


def _convert_barcode(barcode: zxingcpp.Barcode, factor: float) -> Barcode:
    position = barcode.position
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    across, down = [corner.x / factor for corner in corners], [corner.y / factor for corner in corners]
    box = (round(min(across), 1), round(min(down), 1), round(max(across), 1), round(max(down), 1))
    return Barcode(barcode.format.name, barcode.text, box)
