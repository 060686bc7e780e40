"""Signal "file": what files carry beside their pixels, and that ordinary ones are left in peace."""

import asyncio
import gzip
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.documents.pages import first_page
from pipelines.documents.pdf.client import Pdfium
from pipelines.image.decode import Limits, Picture, decode
from pipelines.image.formats import sniff
from pipelines.moderation.file_structure import anatomy
from pipelines.moderation.file_structure.embedded_files import payloads
from pipelines.moderation.file_structure.trailing_data import trailers
from pipelines.moderation.signals.file_hygiene import KNOWN_TRAILER, Hygiene, examine
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from tests.pipelines.documents.pdfs import pdf, text
from tests.pipelines.image.test_fuzz import EDITS, Edit, edited
from tests.pipelines.images import encode, frames, with_app1
from tests.pipelines.moderation.files import (  # fmt: skip
    CAT,
    FTYP,
    JPEG,
    PNG,
    XMP,
    bmp_script,
    gif_script,
    located,
    ordinary,
    samsung_trailer,
    windows_program,
    with_chunk,
    with_comment,
    with_segment,
    zipped,
)

ORDINARY = ordinary()
CALM = {"polyglot": 0.0, "trailing": 0.0, "gps": 0.0}
MP4 = FTYP + struct.pack(">I4s", 108, b"mdat") + bytes(100)


def read(data: bytes) -> SignalResult:
    return examine(decode(data, limits=Limits()))


def seen(data: bytes) -> list[str]:
    return [one.what for one in read(data).evidence]


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_files_are_left_in_peace(name: str) -> None:
    reading = read(ORDINARY[name])

    assert {key: reading.scores[key] for key in CALM} == CALM
    assert (reading.scores["metadata"] < 0.01, reading.scores["bomb"] < 0.01, reading.evidence) == (True, True, [])


@pytest.mark.parametrize("name", ORDINARY)
def test_what_stands_behind_the_image_is_seen_in_every_format(name: str) -> None:
    data = ORDINARY[name]

    reading = read(data + b"x" * 5000)

    spans = [one.span for one in reading.evidence if one.what == "unknown data"]
    assert (spans, round(reading.scores["trailing"], 2)) == ([(len(data), len(data) + 5000)], 0.54)


@pytest.mark.parametrize("name", ORDINARY)
def test_an_archive_behind_any_image_makes_it_a_polyglot(name: str) -> None:
    reading = read(ORDINARY[name] + zipped())

    assert (reading.scores["polyglot"], reading.scores["trailing"] >= 0.5) == (1.0, True)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (zipped(), "ZIP archive"),
        (b"%PDF-1.7 " + bytes(100), "PDF"),
        (b"Rar!\x1a\x07\x01\0" + bytes(100), "RAR archive"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "7z archive"),
        (gzip.compress(bytes(10_000)), "gzip archive"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "Linux program"),
        (windows_program(), "Windows program"),
        (b"#!/bin/sh\n" + b"echo hello\n" * 10, "script"),
        (b"<?php system($_GET['c']); ?>", "script"),
        (b"<?=`$_GET[0]`?>", "script"),
        (b"<SCRIPT>alert(1)</SCRIPT>", "script"),
        (b"<!DOCTYPE html><html>", "HTML page"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("padding", [0, 1000])
def test_a_file_of_another_kind_is_named(content: bytes, what: str, padding: int) -> None:
    reading = read(JPEG + bytes(padding) + content)

    named = [one for one in reading.evidence if one.what == what]
    assert (len(named), named[0].score, reading.scores["polyglot"]) == (1, 1.0, 1.0)
    assert named[0].span is not None
    assert named[0].span[0] >= len(JPEG)


@pytest.mark.parametrize(
    "data",
    [
        with_segment(JPEG, 0xFE, b"<?php echo 1; ?>"),
        with_segment(JPEG, 0xE5, b"#!/bin/sh\n"),
        with_app1(JPEG, XMP % b"<script>alert(1)</script>"),
        with_chunk(PNG, b"tEXt", b"Comment\0<script>alert(1)</script>"),
        with_chunk(PNG, b"prIv", b"%PDF-1.4"),
        with_comment(encode(CAT, "GIF"), b"<?php echo 1; ?>"),
    ],
    ids=["JPEG comment", "JPEG application", "XMP", "PNG text", "PNG private", "GIF comment"],
)
def test_a_payload_in_metadata_is_seen(data: bytes) -> None:
    reading = read(data)

    assert (reading.scores["polyglot"], reading.scores["trailing"]) == (0.8, 0.0)
    assert reading.evidence[0].detail == "in metadata"


def test_markup_among_pixels_is_seen() -> None:
    pixels = Image.frombytes("L", (192, 1), b"<?php system('ls');?>".ljust(192, b"x"))

    reading = read(encode(pixels, "BMP"))

    assert (reading.scores["polyglot"], reading.evidence[0].detail) == (0.6, "among pixels")


def test_an_archive_whose_directory_is_not_there_is_none() -> None:
    broken = zipped().replace(b"PK\x01\x02", b"PK\x09\x09")

    assert "ZIP archive" not in seen(with_segment(JPEG, 0xFE, b"note: " + broken))


@pytest.mark.parametrize(
    "data",
    [gif_script(), bmp_script(), JPEG[:2] + b"\xff\xe0\x2f\x2a" + bytes(0x2F28) + JPEG[2:]],
    ids=["GIF", "BMP", "JPEG"],
)
def test_javascript_from_the_first_byte_on_is_seen(data: bytes) -> None:
    reading = read(data)

    assert (reading.scores["polyglot"], reading.evidence[0].what, reading.evidence[0].span) == (
        1.0, "JavaScript", (0, reading.evidence[0].span[1] if reading.evidence[0].span else 0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (with_segment(JPEG, 0xE2, b"MPF\0II*\0") + JPEG, "a further JPEG: a preview or a gain map"),
        (with_app1(JPEG, XMP % b"hdrgm:Version='1.0'") + bytes(40) + JPEG, "a further JPEG: a preview or a gain map"),
        (with_app1(JPEG, XMP % b"Camera:MotionPhoto='1'") + MP4, "the video of a motion photo"),
        (JPEG + samsung_trailer(b"Image_UTC_Data", b"MotionPhoto_Data" + MP4), "data of a Samsung camera"),
        (ORDINARY["HEIC"] + struct.pack(">I4s", len(MP4) + 8, b"mpvd") + MP4, "the video of a motion photo"),
    ],
    ids=["MPF", "Ultra HDR", "motion photo", "Samsung", "HEIC motion photo"],
)
def test_what_phones_put_behind_a_photograph_is_named_and_mild(data: bytes, what: str) -> None:
    reading = read(data)

    assert ([one.what for one in reading.evidence], reading.scores["trailing"], reading.scores["polyglot"]) == (
        [what], KNOWN_TRAILER, 0.0,
    )  # fmt: skip


def test_what_no_metadata_announces_is_not_mild() -> None:
    assert (seen(JPEG + JPEG), seen(JPEG + MP4)) == (["another JPEG"], ["a video or another ISO media file"])


def test_an_archive_behind_a_motion_photo_is_still_seen() -> None:
    reading = read(with_app1(JPEG, XMP % b"Camera:MotionPhoto='1'") + MP4 + zipped())

    assert (reading.scores["polyglot"], reading.scores["trailing"] >= 0.5) == (1.0, True)


def test_padding_and_a_few_bytes_are_nothing() -> None:
    assert read(JPEG + bytes(100_000) + b"camera").scores["trailing"] == 0


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_position_is_reported_but_not_told(format: str) -> None:
    reading = read(encode(CAT, format, exif=located().tobytes()))

    [one] = reading.evidence
    assert (reading.scores["gps"], one.what, one.detail) == (1.0, "position", "Exif")
    assert one.span is not None


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_position_tags_that_the_camera_left_empty_are_none(format: str) -> None:
    assert read(encode(CAT, format, exif=located(empty=True).tobytes())).scores["gps"] == 0


@pytest.mark.parametrize("xmp", [b'exif:GPSLatitude="51,30.4N"', b"<exif:GPSLatitude>51,30.4N</exif:GPSLatitude>"])
def test_a_position_in_xmp_counts(xmp: bytes) -> None:
    reading = read(with_app1(JPEG, XMP % xmp))

    assert (reading.scores["gps"], reading.evidence[0].detail) == (1.0, "XMP")


def test_a_position_in_a_further_image_or_video_counts() -> None:
    inner = encode(CAT, "JPEG", exif=located())
    video = FTYP + struct.pack(">I4s", 30, b"moov") + b"\0\0\0\x16\xa9xyz+51.5-000.1/12"

    found = [read(with_segment(JPEG, 0xE2, b"MPF\0") + behind).scores["gps"] for behind in (inner, video)]

    assert found == [1.0, 1.0]


def test_metadata_counts_by_its_size_and_its_share() -> None:
    small = read(with_segment(JPEG, 0xE5, bytes(60_000)))
    large = with_segment(JPEG, 0xE5, bytes(65_000))
    for _ in range(20):
        large = with_segment(large, 0xE5, bytes(65_000))

    assert (small.scores["metadata"] < 0.1, read(large).scores["metadata"] > 0.9) == (True, True)


def test_metadata_that_would_explain_its_size_is_listed() -> None:
    reading = read(with_chunk(PNG, b"zTXt", bytes(200_000)))

    assert [(one.what, one.detail) for one in reading.evidence] == [("metadata: text", "200,000 bytes")]


def test_much_from_few_bytes_is_a_bomb_and_a_blank_page_is_none() -> None:
    bomb = read(encode(Image.new("1", (8000, 8000)), "PNG", optimize=True))
    blank = read(encode(Image.new("L", (1240, 1754), 255), "PNG"))

    assert (bomb.scores["bomb"], bomb.evidence[-1].what, blank.scores["bomb"] < 0.05) == (1.0, "bomb", True)


def test_all_frames_count_for_a_bomb() -> None:
    first, *others = frames(12, (2000, 2000))
    files = (encode(first, "GIF"), encode(first, "GIF", save_all=True, append_images=others))

    one, many = (read(file).scores["bomb"] for file in files)

    assert (one < 0.1, many > 0.9) == (True, True)


def test_the_signal_reads_bytes_and_needs_no_pixels() -> None:
    async def run() -> SignalResult:
        pool = CpuPool(threads=1)
        try:
            signal = Hygiene(pool)
            picture = decode(JPEG + zipped(), limits=Limits(), shorter_side=signal.shorter_side)
            return await signal.read(picture, RunContext())
        finally:
            pool.close()

    reading = asyncio.run(run())

    assert (reading.detector, reading.score, set(reading.scores)) == (
        "file", 1.0, {"polyglot", "trailing", "metadata", "gps", "bomb"},
    )  # fmt: skip


def inspected(data: bytes) -> None:
    """Everything that reads bytes, on bytes that no decoder has seen; fails when a span lies outside of them."""
    format = sniff(data)
    if format is None:
        return
    found = anatomy(data, format)
    behind = trailers(data, found)
    spans = [(part.start, part.end) for part in found.parts] + [(one.start, one.end) for one in behind]
    spans += [(one.start, one.end) for one in payloads(data, format, found, behind)]
    assert all(0 <= start <= end <= len(data) for start, end in [*spans, (0, found.end)])


@pytest.mark.parametrize("name", ORDINARY)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(edits=EDITS, keep=st.floats(0, 1))
def test_no_damage_stops_the_walk(name: str, edits: list[Edit], keep: float) -> None:
    data = edited(ORDINARY[name], edits)

    inspected(data)
    inspected(data[: int(len(data) * keep)])


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(start=st.sampled_from([data[:40] for data in ORDINARY.values()]), noise=st.binary(max_size=300))
def test_no_noise_stops_the_walk(start: bytes, noise: bytes) -> None:
    inspected(start + noise)


@pytest.mark.parametrize(
    "behind",
    [b"<?=" * 500_000, b"PK\x05\x06" * 400_000, b"\xff" * 2_000_000, b"\0\0\0\x08free" * 200_000],
    ids=["openings", "ends of archives", "markers", "boxes"],
)
def test_repetition_behind_the_image_is_not_expensive(behind: bytes) -> None:
    """What looked at every byte again from each of its starts would take minutes here."""
    reading = read(JPEG + behind)

    assert (reading.scores["trailing"], reading.scores["polyglot"]) == (1.0, 0.0)


def of_pdf(data: bytes) -> SignalResult:
    async def first() -> Picture:
        pdfium = Pdfium()
        try:
            return await first_page(data, pdfium, password=None, drawn=False)
        finally:
            pdfium.close()

    return examine(asyncio.run(first()))


def test_a_pdf_is_no_bomb_however_many_pages_it_has_and_may_be_about_scripts() -> None:
    reading = of_pdf(pdf(*[text(["<script>"])] * 60, pageCompression=0))

    assert (set(reading.scores.values()), reading.evidence) == ({0.0}, [])


def test_what_stands_behind_a_pdf_is_seen() -> None:
    whole = pdf(text())

    unknown, archive = of_pdf(whole + b"x" * 5000), of_pdf(whole + zipped())

    assert (unknown.scores["trailing"] > 0.5, unknown.scores["polyglot"], archive.scores["polyglot"]) == (
        True,
        0.0,
        1.0,
    )
