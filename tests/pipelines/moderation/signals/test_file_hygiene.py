"""Signal "file": what files carry beside their pixels, and low scores for ordinary files."""

import asyncio
import gzip
import struct
import zlib
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.documents.pages import read_first_page
from pipelines.documents.pdf.client import PdfiumClient
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.image.formats import sniff
from pipelines.moderation.file_structure import read_file_structure
from pipelines.moderation.file_structure.embedded_files import find_embedded_files
from pipelines.moderation.file_structure.trailing_data import find_trailing_data
from pipelines.moderation.signals.file_hygiene import KNOWN_TRAILER, FileHygieneSignal, inspect_file
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from tests.pipelines.documents.sample_pdfs import draw_text, make_pdf
from tests.pipelines.image.test_fuzz import EDITS, Edit, apply_edits
from tests.pipelines.images import encode, frames, with_app1
from tests.pipelines.moderation.file_samples import (  # fmt: skip
    CAT,
    FTYP,
    JPEG,
    PNG,
    XMP,
    bmp_with_script,
    exif_with_comment,
    exif_with_position,
    gif_with_script,
    make_samsung_trailer,
    make_windows_program,
    make_zip,
    ordinary_files,
    with_chunk,
    with_comment,
    with_segment,
)

ORDINARY_FILES = ordinary_files()
UNSUSPICIOUS = {"polyglot": 0.0, "trailing": 0.0, "gps": 0.0}
MP4 = FTYP + struct.pack(">I4s", 108, b"mdat") + bytes(100)


def read(data: bytes) -> SignalResult:
    return inspect_file(decode(data, limits=ImageLimits()))


def read_findings(data: bytes) -> list[str]:
    return [one.what for one in read(data).evidence]


@pytest.mark.parametrize("name", ORDINARY_FILES)
def test_ordinary_files_score_low(name: str) -> None:
    result = read(ORDINARY_FILES[name])

    assert {key: result.scores[key] for key in UNSUSPICIOUS} == UNSUSPICIOUS
    assert result.scores["metadata"] < 0.01
    assert result.scores["bomb"] < 0.01
    assert result.evidence == []


@pytest.mark.parametrize("name", ORDINARY_FILES)
def test_data_behind_the_image_is_found_in_every_format(name: str) -> None:
    data = ORDINARY_FILES[name]

    result = read(data + b"x" * 5000)

    spans = [one.span for one in result.evidence if one.what == "unknown data"]
    assert spans == [(len(data), len(data) + 5000)]
    assert round(result.scores["trailing"], 2) == 0.54


@pytest.mark.parametrize("name", ORDINARY_FILES)
def test_an_archive_behind_any_image_makes_it_a_polyglot(name: str) -> None:
    result = read(ORDINARY_FILES[name] + make_zip())

    assert result.scores["polyglot"] == 1.0
    assert result.scores["trailing"] >= 0.5


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (make_zip(), "ZIP archive"),
        (b"%PDF-1.7 " + bytes(100), "PDF"),
        (b"Rar!\x1a\x07\x01\0" + bytes(100), "RAR archive"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), "7z archive"),
        (gzip.compress(bytes(10_000)), "gzip archive"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), "Linux program"),
        (make_windows_program(), "Windows program"),
        (b"#!/bin/sh\n" + b"echo hello\n" * 10, "script"),
        (b"<?php system($_GET['c']); ?>", "script"),
        (b"<?=`$_GET[0]`?>", "script"),
        (b"<SCRIPT>alert(1)</SCRIPT>", "script"),
        (b"<!DOCTYPE html><html>", "HTML page"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("padding", [0, 1000])
def test_evidence_names_an_embedded_file(content: bytes, what: str, padding: int) -> None:
    result = read(JPEG + bytes(padding) + content)

    named = [one for one in result.evidence if one.what == what]
    assert len(named) == 1
    assert named[0].score == 1.0
    assert result.scores["polyglot"] == 1.0
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
def test_an_embedded_file_in_metadata_is_found(data: bytes) -> None:
    result = read(data)

    assert result.scores["polyglot"] == 0.8
    assert result.scores["trailing"] == 0.0
    assert result.evidence[0].detail == "in metadata"


RUNNING = [
    b"<svg onload=alert(1)>",
    b"<svg/onload=alert(1)>",
    b"<IMG alt='>' SRC=x OnError = 'a'>",
    b'<img src="x onerror=alert(1)>',
    b"<details open ontoggle=x()>",
    b"<iframe src=//evil.example>",
    b"<object data=x>",
    b"<a href=java\tscript:alert(1)>",
    b"<a href='&#106;avascript:alert(1)'>",
    b"javascript:alert(1)",
    b"data:text/html,<b>",
    b"<meta http-equiv=refresh content=0>",
    b"<!--#exec cmd='ls'-->",
]


@pytest.mark.parametrize("markup", RUNNING)
def test_markup_that_runs_is_a_payload_behind_the_image(markup: bytes) -> None:
    result = read(JPEG + markup.ljust(70))

    assert result.scores["polyglot"] == 1.0
    assert "markup that runs" in [one.what for one in result.evidence]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_markup_in_wide_letters_is_a_payload_behind_the_image(encoding: str) -> None:
    markup = "<svg onload=alert(1)>".ljust(70).encode(encoding)

    assert read(JPEG + markup).scores["polyglot"] == 1.0
    assert read(PNG + markup).scores["polyglot"] == 1.0


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_markup_in_wide_letters_is_a_payload_in_a_text_chunk(encoding: str) -> None:
    markup = "<img src=x onerror=alert(1)>".encode(encoding)

    assert read(with_chunk(PNG, b"tEXt", b"Comment\0" + markup)).scores["polyglot"] == 0.8
    assert read(with_chunk(PNG, b"zTXt", b"Comment\0\0" + zlib.compress(markup))).scores["polyglot"] == 0.8


@pytest.mark.parametrize("markup", RUNNING)
@pytest.mark.parametrize(
    "hide",
    [
        lambda markup: with_segment(JPEG, 0xFE, markup),
        lambda markup: with_app1(JPEG, XMP % markup),
        lambda markup: with_app1(JPEG, XMP % escape(markup.decode()).encode()),
        lambda markup: with_chunk(PNG, b"tEXt", b"Comment\0" + markup),
        lambda markup: with_chunk(PNG, b"zTXt", b"Comment\0\0" + zlib.compress(markup)),
        lambda markup: with_chunk(PNG, b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(markup)),
        lambda markup: with_comment(encode(CAT, "GIF"), markup[:7] + bytes([len(markup) - 7]) + markup[7:], first=7),
        lambda markup: encode(CAT, "WEBP", exif=exif_with_comment(markup.decode())),
    ],
    ids=["comment", "XMP", "escaped XMP", "text", "packed", "international", "GIF sub-blocks", "UTF-16 Exif"],
)
def test_markup_that_runs_is_a_payload_in_metadata(hide: Callable[[bytes], bytes], markup: bytes) -> None:
    assert read(hide(markup)).scores["polyglot"] == 0.8


@pytest.mark.parametrize(
    "text",
    [
        b"a < b, but once = 2",
        b"<photo one=1 'caption'>",
        b"JavaScript: The Good Parts",
        b"<b>bold</b> onset = 5",
        b"<rdf:Description rdf:about='' dc:format='image/jpeg' photoshop:Instructions='on = off'/>",
        b"<a href='https://photos.example/?q=1&amp;b=2'>album</a>",
    ],
)
def test_ordinary_text_and_markup_is_no_payload(text: bytes) -> None:
    assert read(with_segment(JPEG, 0xFE, text)).scores["polyglot"] == 0.0


def test_a_packed_text_that_grows_without_end_is_read_in_part() -> None:
    bomb = zlib.compress(bytes(20_000_000) + b"<svg onload=alert(1)>")

    assert read(with_chunk(PNG, b"zTXt", b"Comment\0\0" + bomb)).scores["polyglot"] == 0.0


def test_markup_among_pixels_is_found() -> None:
    pixels = Image.frombytes("L", (192, 1), b"<?php system('ls');?>".ljust(192, b"x"))

    result = read(encode(pixels, "BMP"))

    assert result.scores["polyglot"] == 0.6
    assert result.evidence[0].detail == "among pixels"


def test_an_archive_without_its_directory_does_not_count() -> None:
    broken = make_zip().replace(b"PK\x01\x02", b"PK\x09\x09")

    assert "ZIP archive" not in read_findings(with_segment(JPEG, 0xFE, b"note: " + broken))


@pytest.mark.parametrize(
    "data",
    [gif_with_script(), bmp_with_script(), JPEG[:2] + b"\xff\xe0\x2f\x2a" + bytes(0x2F28) + JPEG[2:]],
    ids=["GIF", "BMP", "JPEG"],
)
def test_javascript_from_the_first_byte_on_is_found(data: bytes) -> None:
    result = read(data)

    assert result.scores["polyglot"] == 1.0
    assert result.evidence[0].what == "JavaScript"
    assert result.evidence[0].span is not None
    assert result.evidence[0].span[0] == 0


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (with_segment(JPEG, 0xE2, b"MPF\0II*\0") + JPEG, "a further JPEG: a preview or a gain map"),
        (with_app1(JPEG, XMP % b"hdrgm:Version='1.0'") + bytes(40) + JPEG, "a further JPEG: a preview or a gain map"),
        (with_app1(JPEG, XMP % b"Camera:MotionPhoto='1'") + MP4, "the video of a motion photo"),
        (JPEG + make_samsung_trailer(b"Image_UTC_Data", b"MotionPhoto_Data" + MP4), "data of a Samsung camera"),
        (ORDINARY_FILES["HEIC"] + struct.pack(">I4s", len(MP4) + 8, b"mpvd") + MP4, "the video of a motion photo"),
    ],
    ids=["MPF", "Ultra HDR", "motion photo", "Samsung", "HEIC motion photo"],
)
def test_the_data_that_phones_append_is_named_and_scores_low(data: bytes, what: str) -> None:
    result = read(data)

    assert [one.what for one in result.evidence] == [what]
    assert result.scores["trailing"] == KNOWN_TRAILER
    assert result.scores["polyglot"] == 0.0


def test_unannounced_images_and_videos_count_as_unknown() -> None:
    assert read_findings(JPEG + JPEG) == ["another JPEG"]
    assert read_findings(JPEG + MP4) == ["a video or another ISO media file"]


def test_an_archive_behind_a_motion_photo_is_still_found() -> None:
    result = read(with_app1(JPEG, XMP % b"Camera:MotionPhoto='1'") + MP4 + make_zip())

    assert result.scores["polyglot"] == 1.0
    assert result.scores["trailing"] >= 0.5


def test_padding_and_a_few_bytes_score_nothing() -> None:
    assert read(JPEG + bytes(100_000) + b"camera").scores["trailing"] == 0


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_position_is_reported_without_its_coordinates(format: str) -> None:
    result = read(encode(CAT, format, exif=exif_with_position().tobytes()))

    [one] = result.evidence
    assert result.scores["gps"] == 1.0
    assert one.what == "position"
    assert one.detail == "Exif"
    assert one.span is not None


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_empty_position_tags_score_nothing(format: str) -> None:
    assert read(encode(CAT, format, exif=exif_with_position(empty=True).tobytes())).scores["gps"] == 0


@pytest.mark.parametrize("xmp", [b'exif:GPSLatitude="51,30.4N"', b"<exif:GPSLatitude>51,30.4N</exif:GPSLatitude>"])
def test_a_position_in_xmp_counts(xmp: bytes) -> None:
    result = read(with_app1(JPEG, XMP % xmp))

    assert result.scores["gps"] == 1.0
    assert result.evidence[0].detail == "XMP"


def test_a_position_in_a_further_image_or_video_counts() -> None:
    inner = encode(CAT, "JPEG", exif=exif_with_position())
    video = FTYP + struct.pack(">I4s", 30, b"moov") + b"\0\0\0\x16\xa9xyz+51.5-000.1/12"

    announced = with_segment(JPEG, 0xE2, b"MPF\0")

    assert read(announced + inner).scores["gps"] == 1.0
    assert read(announced + video).scores["gps"] == 1.0


def test_metadata_counts_by_its_size_and_its_share() -> None:
    small = read(with_segment(JPEG, 0xE5, bytes(60_000)))
    large = with_segment(JPEG, 0xE5, bytes(65_000))
    for _ in range(20):
        large = with_segment(large, 0xE5, bytes(65_000))

    assert small.scores["metadata"] < 0.1
    assert read(large).scores["metadata"] > 0.9


def test_large_metadata_is_evidence() -> None:
    result = read(with_chunk(PNG, b"zTXt", bytes(200_000)))

    assert [(one.what, one.detail) for one in result.evidence] == [("metadata: text", "200,000 bytes")]


def test_many_pixels_from_few_bytes_are_a_bomb_a_blank_page_is_none() -> None:
    bomb = read(encode(Image.new("1", (8000, 8000)), "PNG", optimize=True))
    blank = read(encode(Image.new("L", (1240, 1754), 255), "PNG"))

    assert bomb.scores["bomb"] == 1.0
    assert bomb.evidence[-1].what == "bomb"
    assert blank.scores["bomb"] < 0.05


def test_all_frames_count_for_a_bomb() -> None:
    first, *others = frames(12, (2000, 2000))
    files = (encode(first, "GIF"), encode(first, "GIF", save_all=True, append_images=others))

    one, many = (read(file).scores["bomb"] for file in files)

    assert one < 0.1
    assert many > 0.9


def test_the_signal_needs_no_pixels() -> None:
    async def run() -> SignalResult:
        pool = CpuPool(threads=1)
        try:
            signal = FileHygieneSignal(pool)
            picture = decode(JPEG + make_zip(), limits=ImageLimits(), shorter_side=signal.shorter_side)
            return await signal.read(picture, RunContext())
        finally:
            pool.close()

    result = asyncio.run(run())

    assert result.detector == "file"
    assert result.score == 1.0
    assert set(result.scores) == set(FileHygieneSignal.score_names() or ())


def walk(data: bytes) -> None:
    """Run all readers of bytes on bytes that no decoder has checked; fails when a span lies outside of them."""
    format = sniff(data)
    if format is None:
        return
    structure = read_file_structure(data, format)
    trailing = find_trailing_data(data, structure)
    spans = [(block.start, block.end) for block in structure.blocks] + [(one.start, one.end) for one in trailing]
    spans += [(one.start, one.end) for one in find_embedded_files(data, format, structure, trailing)]
    assert all(0 <= start <= end <= len(data) for start, end in [*spans, (0, structure.end)])


@pytest.mark.parametrize("name", ORDINARY_FILES)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(edits=EDITS, keep=st.floats(0, 1))
def test_no_damage_stops_the_walk(name: str, edits: list[Edit], keep: float) -> None:
    data = apply_edits(ORDINARY_FILES[name], edits)

    walk(data)
    walk(data[: int(len(data) * keep)])


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(start=st.sampled_from([data[:40] for data in ORDINARY_FILES.values()]), noise=st.binary(max_size=300))
def test_no_noise_stops_the_walk(start: bytes, noise: bytes) -> None:
    walk(start + noise)


@pytest.mark.parametrize(
    "behind",
    [
        b"<?=" * 500_000,
        b'<a "' * 500_000,
        b"<a " * 500_000,
        b"PK\x05\x06" * 400_000,
        b"\xff" * 2_000_000,
        b"\0\0\0\x08free" * 200_000,
    ],
    ids=["openings", "quotes", "tags", "ends of archives", "markers", "boxes"],
)
def test_repetition_behind_the_image_takes_linear_time(behind: bytes) -> None:
    """A search that starts again at every byte would take minutes here."""
    result = read(JPEG + behind)

    assert result.scores["trailing"] == 1.0
    assert result.scores["polyglot"] == 0.0


def read_pdf_file(data: bytes) -> SignalResult:
    async def first() -> Picture:
        pdfium = PdfiumClient()
        try:
            return await read_first_page(data, pdfium, password=None, render=False)
        finally:
            pdfium.close()

    return inspect_file(asyncio.run(first()))


def test_a_pdf_of_many_pages_about_scripts_scores_nothing() -> None:
    result = read_pdf_file(make_pdf(*[draw_text(["<script>"])] * 60, pageCompression=0))

    assert set(result.scores.values()) == {0.0}
    assert result.evidence == []


def test_data_behind_a_pdf_is_found() -> None:
    whole = make_pdf(draw_text())

    unknown, archive = read_pdf_file(whole + b"x" * 5000), read_pdf_file(whole + make_zip())

    assert unknown.scores["trailing"] > 0.5
    assert unknown.scores["polyglot"] == 0.0
    assert archive.scores["polyglot"] == 1.0
