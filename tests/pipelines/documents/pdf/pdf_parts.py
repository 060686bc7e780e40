"""PDFs taken to pieces and put together again: objects, the words in them, streams, and the table of objects.

Lengths and the table are made anew, so that damage to one object does not hide behind a damaged file. Two tables are
written: the classic one, and a stream of it with the objects that are no streams packed into another stream.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import accumulate
from typing import Literal

from tests.pipelines.image.file_parts import DividedFile, FilePart

PdfTable = Literal["classic", "stream"]

_OBJECT = re.compile(rb"(?m)^(\d+) 0 obj\s(.*?)\s?endobj", re.DOTALL)
_STREAM = re.compile(rb"\A(<<.*?>>)\s*stream\r?\n(.*?)\r?\n?endstream\s*\Z", re.DOTALL)
_TRAILER = re.compile(rb"trailer\s*(<<.*?>>)\s*startxref", re.DOTALL)
# References count as one word, and so do strings and names. Comments are left out.
_WORD = re.compile(
    rb"%[^\n]*\n|\d+ 0 R\b|<<|>>|\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f\s]*>|/[^\s/<>\[\](){}]*|[^\s/<>\[\](){}]+|.",
    re.DOTALL,
)
_MOST_WORDS = 400  # of a stream: more would hide the objects among them

WORDS = (
    b"null", b"true", b"<<", b">>", b"[", b"]", b"()", b"<>", b"<FF", b"/", b"/#00", b"0 0 R", b"1 0 R", b"2 0 R",
    b"3 0 R", b"4 0 R", b"99999 0 R", b"-1", b"0", b"1e38", b"-1e38", b"1e-40", b"nan", b"65536", b"2147483647",
    b"-2147483648", b"4294967296", b"9999999999999999999", b"/FlateDecode", b"/LZWDecode", b"/DCTDecode", b"/JPXDecode",
    b"/JBIG2Decode", b"/CCITTFaxDecode", b"/RunLengthDecode", b"/ASCIIHexDecode", b"/ASCII85Decode", b"/Crypt",
    b"[/FlateDecode /FlateDecode]", b"/DeviceGray", b"/DeviceCMYK", b"/Pattern", b"[/Indexed /DeviceRGB 255 1 0 R]",
    b"[/ICCBased 4 0 R]", b"[/Separation /All /DeviceCMYK 1 0 R]", b"/Type0", b"/Type1", b"/Type3", b"/TrueType",
    b"/CIDFontType2", b"/Identity-H", b"/Page", b"/Pages", b"/Catalog", b"/ObjStm", b"/XRef", b"/Form", b"/Image",
    b"q", b"Q", b"cm", b"Do", b"BI", b"ID", b"EI", b"Tf", b"Tj", b"TJ", b"sh", b"gs", b"BT", b"ET", b"W n", b"f*",
    b"re", b"SMask", b"endobj", b"stream", b"endstream", b"xref", b"trailer", b"%",
)  # fmt: skip


def divide_pdf(data: bytes, table: PdfTable = "classic") -> DividedFile:
    """Parts are the objects, by number, and the trailer. Within them are words; within plain streams, too."""
    trailer = _TRAILER.search(data)
    assert trailer is not None, "only files with a trailer are divided"
    parts = [_divide_object(number, body) for number, body in _OBJECT.findall(data)]
    parts.append(FilePart(b"trailer", b"", _divide_words(trailer[1])))
    return DividedFile(parts, partial(_ASSEMBLERS[table], data[:8]), WORDS)


def _divide_object(number: bytes, body: bytes) -> FilePart:
    found = _STREAM.match(body)
    if found is None:
        return FilePart(number, b"", _divide_words(body))
    head, content = _divide_words(found[1]), found[2]
    at = next(index for index, part in enumerate(head) if part.body == b"/Length")
    head[at + 1] = FilePart(b"length", b"")
    words = [] if b"/Filter" in found[1] or b"/Image" in found[1] else _divide_words(content)
    is_text = 0 < len(words) < _MOST_WORDS
    return FilePart(number, b"", [*head, FilePart(b"stream", b"", words) if is_text else FilePart(b"stream", content)])


def _divide_words(text: bytes) -> list[FilePart]:
    return [FilePart(b"", word) for word in _WORD.findall(text) if not word.isspace() and not word.startswith(b"%")]


def _assemble_classic(head: bytes, parts: Sequence[FilePart]) -> bytes:
    """A part's `claimed` moves the place that the table has for it, a stream's the length that its object has."""
    objects = [part for part in parts if part.kind != b"trailer"]
    written = [_write_object(part) for part in objects]
    places = list(accumulate(map(len, written), initial=len(head) + 1))
    rows = [
        b"%d 1\n%010d 00000 n \n" % (_number(part), (place + part.claimed) % 10**10)
        for place, part in zip(places, objects, strict=False)
    ]
    table = b"xref\n0 1\n0000000000 65535 f \n" + b"".join(rows)
    trailers = b"".join(b"trailer\n" + _write_words(part.parts) + b"\n" for part in parts if part.kind == b"trailer")
    return b"\n".join([head, b"".join(written) + table + trailers, b"startxref", b"%d" % places[-1], b"%%EOF"])


def _assemble_stream(head: bytes, parts: Sequence[FilePart]) -> bytes:
    objects = [part for part in parts if part.kind != b"trailer"]
    packed = [part for part in objects if not _is_stream(part)]
    loose = [part for part in objects if _is_stream(part)]
    own, written = max(map(_number, objects), default=0) + 1, [_write_object(part) for part in loose]
    written.append(_pack_objects(own, packed))
    places = list(accumulate(map(len, written), initial=len(head) + 1))
    rows = [(0, b"\0" + struct.pack(">IH", 0, 65535))]
    rows += [(_number(part), b"\2" + struct.pack(">IH", own, index % 65536)) for index, part in enumerate(packed)]
    rows += [
        (_number(part), b"\1" + struct.pack(">IH", (place + part.claimed) % 2**32, 0))
        for place, part in zip(places, loose, strict=False)
    ]
    rows += [(own, b"\1" + struct.pack(">IH", places[-2], 0))]
    index = b" ".join(b"%d 1" % number for number, _ in rows)
    words = b" ".join(_write_words(part.parts[1:-1]) for part in parts if part.kind == b"trailer")
    facts = b"/Type /XRef /W [1 4 2] /Index [%s] /Filter /FlateDecode %s" % (index, words)
    table = _write_stream(own + 1, facts, zlib.compress(b"".join(row for _, row in rows)))
    return b"\n".join([head, b"".join(written) + table + b"startxref", b"%d" % places[-1], b"%%EOF"])


_ASSEMBLERS = {"classic": _assemble_classic, "stream": _assemble_stream}


def _is_stream(part: FilePart) -> bool:
    return any(one.kind == b"stream" for one in part.parts)


def _number(part: FilePart) -> int:
    return int(part.kind) if part.kind.isdigit() else 0


def _pack_objects(number: int, parts: Iterable[FilePart]) -> bytes:
    bodies = [(_number(part), part.claimed, _write_words(part.parts) + b"\n") for part in parts]
    places = accumulate((len(body) for *_, body in bodies), initial=0)
    index = b" ".join(
        b"%d %d" % (own, place + claimed) for (own, claimed, _), place in zip(bodies, places, strict=False)
    )
    content = zlib.compress(index + b"\n" + b"".join(body for *_, body in bodies))
    facts = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(bodies), len(index) + 1)
    return _write_stream(number, facts, content)


def _write_object(part: FilePart) -> bytes:
    return part.kind + b" 0 obj\n" + part.body + _write_words(part.parts) + b"\nendobj\n"


def _write_stream(number: int, facts: bytes, content: bytes) -> bytes:
    return b"%d 0 obj\n<< /Length %d %s >>\nstream\n%s\nendstream\nendobj\n" % (number, len(content), facts, content)


def _write_words(parts: Sequence[FilePart]) -> bytes:
    streams = [part.body + b" ".join(one.body for one in part.parts) for part in parts if part.kind == b"stream"]
    lies = sum(part.claimed for part in parts if part.kind == b"stream")
    length = b"%d" % (sum(map(len, streams)) + lies)
    words = b" ".join(
        part.body or (length if part.kind == b"length" else b"") for part in parts if part.kind != b"stream"
    )
    return words + b"".join(b"\nstream\n" + content + b"\nendstream" for content in streams)
