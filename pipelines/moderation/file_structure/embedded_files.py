"""Files of other kinds inside an image file: what an archiver, a PDF reader, a browser or PHP would take it for.

Signatures of a few bytes are looked for only where a reader would: at the start of something. In pixels, where chance
writes any four bytes once in a few megabytes, only words count, and archives whose directory is really there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipelines.image.formats import Format
from pipelines.moderation.file_structure import Anatomy
from pipelines.moderation.file_structure.trailing_data import Trailer

Place = Literal["head", "trailer", "metadata", "pixels"]

_MARKUP = re.compile(rb"<(?:\?[pP][hH][pP]|[sS][cC][rR][iI][pP][tT])")
_PAGE = re.compile(rb"<(?:[hH][tT][mM][lL]|![dD][oO][cC][tT][yY][pP][eE]\s[hH][tT][mM][lL])")
_SHORT_PHP = re.compile(rb"<\?=[\x20-;=-~]{4,400}?\?>")  # without "<", so that no byte is looked at twice
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
_ELF = re.compile(rb"\x7fELF[\x01\x02][\x01\x02]\x01", re.DOTALL)

_ZIP_END, _ZIP_ENTRY, _ZIP64 = b"PK\x05\x06", b"PK\x01\x02", b"PK\x06\x07"
_ZIP_END_SIZE, _ZIP_COMMENT = 22, 65_535  # readers look for the end record in so many last bytes
_ZIP_TRIES = 64

# JavaScript begins with the file's own signature, and the numbers behind it open a comment or an assignment.
_GIF_SCRIPT = re.compile(rb"GIF8[79]a(?:/\*|=[\x20-\x7e])")
_JPEG_SCRIPT = re.compile(rb"\xff\xd8\xff[\xe0-\xef\xfe]/\*", re.DOTALL)
_OTHER_SCRIPT = re.compile(rb"(?:BM|RIFF)/\*")
_COMMENT_CLOSED = re.compile(rb"\*/\s{0,4}[\w=;('\"]")


@dataclass(frozen=True, slots=True)
class Payload:
    what: str
    place: Place
    start: int
    end: int


def payloads(data: bytes, format: Format, found: Anatomy, behind: list[Trailer]) -> list[Payload]:
    """Each kind once for each place, where it stands first."""
    metadata = [(part.start, part.end) for part in found.parts]
    every = [
        *_script_head(data, format),
        *(one for trailer in behind for one in _foreign(data, "trailer", trailer.start, trailer.end)),
        *(one for start, end in metadata for one in _foreign(data, "metadata", start, end)),
        *_zip(data, found),
        *(() if format == "PDF" else _in_pixels(data, found)),  # a page about scripts may have their tags in it
    ]
    return list({(one.what, one.place): one for one in reversed(every)}.values())[::-1]


def _script_head(data: bytes, format: Format) -> Iterator[Payload]:
    opens = (
        _GIF_SCRIPT.match(data) if format == "GIF"
        else _JPEG_SCRIPT.match(data) if format == "JPEG"
        else _OTHER_SCRIPT.match(data)
    )  # fmt: skip
    if opens and (format in ("GIF", "JPEG") or _COMMENT_CLOSED.search(data)):
        yield Payload("JavaScript", "head", 0, opens.end())


def _foreign(data: bytes, place: Place, start: int, end: int) -> Iterator[Payload]:
    for signature, what in _AT_START:
        if data.startswith(signature, start, end):
            yield Payload(what, place, start, end)
    if data.startswith(b"MZ", start, end) and _is_windows_program(data, start):
        yield Payload("Windows program", place, start, end)
    for signature, what in _ANYWHERE:
        if (at := data.find(signature, start, end)) >= 0:
            yield Payload(what, place, at, at + len(signature))
    for pattern, what in ((_ELF, "Linux program"), (_MARKUP, "script"), (_PAGE, "HTML page"), (_SHORT_PHP, "script")):
        if match := pattern.search(data, start, end):
            yield Payload(what, place, match.start(), match.end())


def _in_pixels(data: bytes, found: Anatomy) -> Iterator[Payload]:
    at = 0
    spans = [*((part.start, part.end) for part in found.parts), (found.end, found.end)]
    for start, end in spans:
        if match := _MARKUP.search(data, at, start):
            yield Payload("script", "pixels", match.start(), match.end())
            return
        at = end


def _zip(data: bytes, found: Anatomy) -> Iterator[Payload]:
    """A ZIP archive is read from its end; what stands in front of it, here an image, does not matter."""
    stop = len(data)
    for _ in range(_ZIP_TRIES):
        at = data.rfind(_ZIP_END, max(0, len(data) - _ZIP_COMMENT - _ZIP_END_SIZE), stop)
        if at < 0:
            return
        size = int.from_bytes(data[at + 12 : at + 16], "little")
        start = at - size
        if (size and start >= 0 and data.startswith(_ZIP_ENTRY, start)) or data.startswith(_ZIP64, at - 20):
            yield Payload("ZIP archive", _place(start, found), max(start, 0), at + _ZIP_END_SIZE)
            return
        stop = at + len(_ZIP_END) - 1


def _place(at: int, found: Anatomy) -> Place:
    if at >= found.end:
        return "trailer"
    return "metadata" if any(part.start <= at < part.end for part in found.parts) else "pixels"


def _is_windows_program(data: bytes, start: int) -> bool:
    header = start + int.from_bytes(data[start + 60 : start + 64], "little")
    return data.startswith(b"PE\0\0", header)
