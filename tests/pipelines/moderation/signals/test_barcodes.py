"""Signal "codes" over pictures that have codes drawn into them."""

import asyncio

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Limits, decode
from pipelines.moderation.domains import Domains
from pipelines.moderation.signals.barcodes import LONGEST_SHOWN, MOST_SHOWN, Code, Codes, find_codes, judge
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from tests.pipelines.images import encode, photograph

LINK = "https://example.com/abc"


def code(payload: str, *, format: str = "QRCode", scale: int = 4) -> Image.Image:
    barcode = zxingcpp.create_barcode(payload, zxingcpp.barcode_format_from_str(format))
    return Image.fromarray(np.array(zxingcpp.write_barcode_to_image(barcode, scale=scale))).convert("RGB")


def photographed(*codes: tuple[Image.Image, tuple[int, int]], size: tuple[int, int] = (1200, 800)) -> Image.Image:
    image = photograph("coffee", size)
    for drawn, place in codes:
        image.paste(drawn, place)
    return image


def read(image: Image.Image, domains: Domains | None = None, *, format: str = "PNG") -> SignalResult:
    async def lists() -> Domains:
        return domains or Domains()

    async def run() -> SignalResult:
        pool = CpuPool(threads=1)
        try:
            signal = Codes(lists, pool)
            picture = decode(encode(image, format), limits=Limits(), shorter_side=signal.shorter_side)
            return await signal.read(picture, RunContext())
        finally:
            pool.close()

    return asyncio.run(run())


@pytest.mark.parametrize("format", ["QRCode", "MicroQRCode", "Aztec", "DataMatrix", "Code128"])
def test_codes_of_each_kind_are_read(format: str) -> None:
    payload = "12345" if format == "MicroQRCode" else "example"

    reading = read(photographed((code(payload, format=format, scale=6), (100, 100))))

    assert [(one.what, one.detail) for one in reading.evidence] == [(format, payload)]


def test_an_article_number_is_read() -> None:
    reading = read(photographed((code("4006381333931", format="EAN13"), (100, 100))))

    assert (reading.evidence[0].detail, reading.scores) == (
        "4006381333931", {"present": 1.0, "url": 0.0, "denied": 0.0, "unlisted": 0.0},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["coffee", "cat", "astronaut", "rocket"])
def test_a_photograph_without_codes_has_none(name: str) -> None:
    assert read(photograph(name)).scores == {"present": 0.0, "url": 0.0, "denied": 0.0, "unlisted": 0.0}


@pytest.mark.parametrize("angle", [0, 30, 90, 137, 180])
def test_a_turned_code_is_read(angle: int) -> None:
    turned = code(LINK).rotate(angle, expand=True, fillcolor="white")

    assert find_codes(photographed((turned, (300, 200))), 1.0)[0].payload == LINK


def test_a_light_code_on_dark_is_read() -> None:
    inverted = code(LINK).point(lambda level: 255 - level)

    assert find_codes(photographed((inverted, (300, 200))), 1.0)[0].payload == LINK


def test_a_code_of_a_twentyfifth_of_the_longer_side_is_read() -> None:
    image = photographed(
        (code(LINK, scale=1).resize((160, 160), Image.Resampling.NEAREST), (3000, 2000)), size=(4000, 3000)
    )

    assert [one.payload for one in find_codes(image, 1.0)] == [LINK]


def test_several_codes_in_one_picture_are_all_read() -> None:
    image = photographed(
        (code("one"), (50, 50)), (code("two"), (600, 50)), (code("three", format="Aztec", scale=8), (300, 500))
    )

    assert sorted(one.payload for one in find_codes(image, 1.0)) == ["one", "three", "two"]


def test_the_box_is_in_pixels_of_the_original() -> None:
    drawn = code(LINK, scale=16)
    image = photographed((drawn, (2000, 1500)), size=(4000, 3000))

    [one] = read(image, format="JPEG").evidence

    quiet = 4 * 16  # the white margin belongs to the code's picture, not to the code
    inner = (2000 + quiet, 1500 + quiet, 2000 + drawn.width - quiet, 1500 + drawn.height - quiet)
    assert one.box == pytest.approx(inner, abs=12)


def test_one_pixel_is_no_problem() -> None:
    assert find_codes(Image.new("RGB", (1, 1)), 1.0) == []


@pytest.mark.parametrize(
    ("payload", "domains", "scores"),
    [
        ("hello", Domains(), (1, 0, 0, 0)),
        (LINK, Domains(), (1, 1, 0, 0)),
        (LINK, Domains(denied=frozenset({"example.com"})), (1, 1, 1, 0)),
        (LINK, Domains(allowed=frozenset({"example.com"})), (1, 1, 0, 0)),
        (LINK, Domains(allowed=frozenset({"example.org"})), (1, 1, 0, 1)),
    ],
)
def test_links_are_held_against_the_lists(payload: str, domains: Domains, scores: tuple[int, ...]) -> None:
    reading = read(photographed((code(payload), (300, 200))), domains)

    assert tuple(reading.scores.values()) == scores


def test_a_payload_cannot_break_the_line_or_flood_the_evidence() -> None:
    reading = judge([Code("QRCode", "a\n\x1b[31m\u202e" + "x" * 5000, (0, 0, 1, 1))], Domains())

    assert reading.evidence[0].detail == "a\ufffd\ufffd[31m\ufffd" + "x" * (LONGEST_SHOWN - 8) + "…"


def test_of_many_codes_the_denied_one_is_shown() -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    codes = [*(Code("QRCode", f"number {one}", box) for one in range(50)), Code("QRCode", "evil.com", box)]

    reading = judge(codes, Domains(denied=frozenset({"evil.com"})))

    assert (reading.scores["denied"], len(reading.evidence), reading.evidence[0].detail) == (1, MOST_SHOWN, "evil.com")
