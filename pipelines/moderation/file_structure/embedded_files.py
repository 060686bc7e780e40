"""Finds files of other kinds inside an image file, which an archiver, a PDF reader, a browser or PHP would open.

Signatures of a few bytes are searched only where a reader would look: at the start of a block. Among pixels, where
chance writes any four bytes once in a few megabytes, only words count, and archives whose directory is really there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipelines.image.formats import FileFormat
from pipelines.linear_patterns import compile_bytes
from pipelines.moderation.file_structure import FileStructure
from pipelines.moderation.file_structure.markup import PATTERNS as MARKUP_PATTERNS
from pipelines.moderation.file_structure.markup import list_readings
from pipelines.moderation.file_structure.trailing_data import TrailingData

FileLocation = Literal["head", "trailer", "metadata", "pixels"]

_MARKUP = compile_bytes(rb"<(?:\?[pP][hH][pP]|[sS][cC][rR][iI][pP][tT])")
_HTML = compile_bytes(rb"<(?:[hH][tT][mM][lL]|![dD][oO][cC][tT][yY][pP][eE]\s[hH][tT][mM][lL])")
_SHORT_PHP = compile_bytes(rb"<\?=[\x20-;=-~]{4,400}?\?>")  # without "<", so that no byte is read twice
_ANYWHERE = (
    (b"%PDF-", "PDF"),
    (b"Rar!\x1a\x07", "RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (b"This program cannot be run in DOS mode", "Windows program"),
)
_AT_START = (
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b\x08", "gzip archive"),
    (b"\xfd7zXZ\0", "xz archive"),
    (b"#!", "script"),
)
_ELF = compile_bytes(rb"\x7fELF[\x01\x02][\x01\x02]\x01")
_PATTERNS = (
    (_ELF, "Linux program"),
    (_MARKUP, "script"),
    (_HTML, "HTML page"),
    (_SHORT_PHP, "script"),
    *MARKUP_PATTERNS,
)

_ZIP_END, _ZIP_ENTRY, _ZIP64 = b"PK\x05\x06", b"PK\x01\x02", b"PK\x06\x07"
_ZIP_END_SIZE, _ZIP_COMMENT = 22, 65_535  # readers search the end record in this many last bytes
_ZIP_TRIES = 64

# JavaScript begins with the file's own signature, and the numbers trailing it open a comment or an assignment.
_GIF_SCRIPT = compile_bytes(rb"GIF8[79]a(?:/\*|=[\x20-\x7e])")
_JPEG_SCRIPT = compile_bytes(rb"\xff\xd8\xff[\xe0-\xef\xfe]/\*")
_OTHER_SCRIPT = compile_bytes(rb"(?:BM|RIFF)/\*")
_COMMENT_CLOSED = compile_bytes(rb"\*/\s{0,4}[\w=;('\"]")


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    kind: str
    location: FileLocation
    start: int
    end: int


def find_embedded_files(
    data: bytes, format: FileFormat, structure: FileStructure, trailing: list[TrailingData]
) -> list[EmbeddedFile]:
    """Each kind once per location, where it first occurs."""
    metadata = [(block.start, block.end) for block in structure.blocks]
    every = [
        *_find_script_head(data, format),
        *(one for block in trailing for one in _find_signatures(data, "trailer", block.start, block.end)),
        *(one for start, end in metadata for one in _find_signatures(data, "metadata", start, end)),
        *_find_in_readings(data, format, structure),
        *_find_in_wide_trailers(data, trailing),
        *_find_zip(data, structure),
        # The pages of a PDF may be about scripts and show their tags.
        *(() if format == "PDF" else _find_markup_in_pixels(data, structure)),
    ]
    return list({(one.kind, one.location): one for one in reversed(every)}.values())[::-1]


def _find_script_head(data: bytes, format: FileFormat) -> Iterator[EmbeddedFile]:
    script_start = (
        _GIF_SCRIPT.match(data) if format == "GIF"
        else _JPEG_SCRIPT.match(data) if format == "JPEG"
        else _OTHER_SCRIPT.match(data)
    )  # fmt: skip
    if script_start and (format in ("GIF", "JPEG") or _COMMENT_CLOSED.search(data)):
        yield EmbeddedFile("JavaScript", "head", 0, script_start.end())


def _find_signatures(data: bytes, location: FileLocation, start: int, end: int) -> Iterator[EmbeddedFile]:
    for signature, kind in _AT_START:
        if data.startswith(signature, start, end):
            yield EmbeddedFile(kind, location, start, end)
    if data.startswith(b"MZ", start, end) and _is_windows_program(data, start):
        yield EmbeddedFile("Windows program", location, start, end)
    for signature, kind in _ANYWHERE:
        if (at := data.find(signature, start, end)) >= 0:
            yield EmbeddedFile(kind, location, at, at + len(signature))
    for pattern, kind in _PATTERNS:
        if match := pattern.search(data, start, end):
            yield EmbeddedFile(kind, location, match.start(), match.end())


def _find_in_wide_trailers(data: bytes, trailing: list[TrailingData]) -> Iterator[EmbeddedFile]:
    """Markup in UTF-16 or UTF-32, which has a NUL beside each letter; the span is that of the whole trailer."""
    for block in trailing:
        text = data[block.start : block.end].replace(b"\0", b"")
        if len(text) < block.end - block.start:
            yield from _find_texts(text, "trailer", block.start, block.end)


def _find_in_readings(data: bytes, format: FileFormat, structure: FileStructure) -> Iterator[EmbeddedFile]:
    """Markup in the texts that a reader makes of metadata; the span is that of the whole block."""
    for block, text in list_readings(data, format, structure.blocks):
        yield from _find_texts(text, "metadata", block.start, block.end)


def _find_texts(text: bytes, location: FileLocation, start: int, end: int) -> Iterator[EmbeddedFile]:
    for pattern, kind in (*MARKUP_PATTERNS, (_MARKUP, "script"), (_HTML, "HTML page")):
        if pattern.search(text):
            yield EmbeddedFile(kind, location, start, end)


def _find_markup_in_pixels(data: bytes, structure: FileStructure) -> Iterator[EmbeddedFile]:
    at = 0
    spans = [*((block.start, block.end) for block in structure.blocks), (structure.end, structure.end)]
    for start, end in spans:
        if match := _MARKUP.search(data, at, start):
            yield EmbeddedFile("script", "pixels", match.start(), match.end())
            return
        at = end


def _find_zip(data: bytes, structure: FileStructure) -> Iterator[EmbeddedFile]:
    """Archivers read a ZIP archive from its end; what stands in front of it, here an image, does not matter."""
    stop = len(data)
    for _ in range(_ZIP_TRIES):
        at = data.rfind(_ZIP_END, max(0, len(data) - _ZIP_COMMENT - _ZIP_END_SIZE), stop)
        if at < 0:
            return
        size = int.from_bytes(data[at + 12 : at + 16], "little")
        start = at - size
        if (size and start >= 0 and data.startswith(_ZIP_ENTRY, start)) or data.startswith(_ZIP64, at - 20):
            yield EmbeddedFile("ZIP archive", _locate(start, structure), max(start, 0), at + _ZIP_END_SIZE)
            return
        stop = at + len(_ZIP_END) - 1


def _locate(at: int, structure: FileStructure) -> FileLocation:
    if at >= structure.end:
        return "trailer"
    return "metadata" if any(block.start <= at < block.end for block in structure.blocks) else "pixels"


def _is_windows_program(data: bytes, start: int) -> bool:
    header = start + int.from_bytes(data[start + 60 : start + 64], "little")
    return data.startswith(b"PE\0\0", header)
