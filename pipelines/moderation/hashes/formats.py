"""Reads hash lists in the forms in which they are exchanged.

CSV      HASH | HASH,label | HASH,quality,label | hash=HASH,quality=…, or any columns under a header
JSON     [{…}, …], {"data": [{…}, …]} as ThreatExchange has it, {"hashRecords": […]} as StopNCII; or one {…} a line

Whatever the form, a record is a mapping of names to values; the names below are those in use. A record that cannot
be understood is an error. One that is understood, and is no PDQ hash or no longer valid, is left out and counted.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from pipelines.moderation.hashes.index import BYTES
from pipelines.moderation.hashes.lists import LARGEST_DISTANCE, Entry, HashListInvalid, LeftOut
from pipelines.moderation.hashes.pdq import HASHABLE

Line = Entry | LeftOut

HASHES = ("hash", "pdq", "pdqhash", "indicator", "hashvalue", "signal", "signalvalue", "value")
KINDS = ("type", "signaltype", "hashtype", "indicatortype")
PDQ = ("pdq", "hashpdq", "imagepdq", "pdqhash")
LABELS = ("label", "category", "classification", "tags", "name", "description", "filename")
SOURCES = ("source", "owner", "member")
STATUSES = ("hashstatus", "status")
DISTANCES = ("distance", "maxdistance", "threshold")
CONTAINERS = ("data", "hashrecords", "entries", "hashes", "images", "signals")
DEEPEST = 4  # how far a text is looked for in lists and mappings
GONE = {"withdrawn", "deleted", "nonmalicious"}  # ThreatExchange: NON_MALICIOUS


def parse(data: bytes, name: str) -> Iterator[Line]:
    """The lines of a list; raises HashListInvalid, in which `name` is what the list is called."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise HashListInvalid(f"{name}: byte {cause.start} is not UTF-8") from cause
    records = _json_records if text.lstrip().startswith(("[", "{")) else _csv_records
    for where, record in records(text, name):
        yield _line(record, f"{name}, {where}")


def parse_value(hash: str, value: str, name: str) -> Entry:
    """An entry whose hash is known, as a Redis hash holds it: JSON, or the label alone."""
    where = f"{name}, field {hash[:80]!r}"
    record = _object(value, where) if value.startswith("{") else {"label": value}
    line = _line({**_normalised(record), "hash": hash}, where)
    if isinstance(line, LeftOut):
        raise HashListInvalid(f"{where}: {line.reason}")
    return line


def _csv_records(text: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # strict: a quote that is never closed would take the rest of the list into one label.
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    is_first = True
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if is_first and any(_plain(cell) in HASHES for cell in cells):
                header = cells
            else:
                yield f"line {rows.line_num}", _record(cells, header, f"{name}, line {rows.line_num}")
            is_first = False
    except csv.Error as cause:
        raise HashListInvalid(f"{name}, line {rows.line_num}: {cause}") from cause


def _record(cells: list[str], header: list[str] | None, where: str) -> Mapping[str, Any]:
    if header is not None:
        if len(cells) != len(header):
            raise HashListInvalid(f"{where}: {len(cells)} columns where the header has {len(header)}")
        return dict(zip(header, cells, strict=True))
    if cells[0].startswith("hash="):
        return {key: value for key, _, value in (cell.partition("=") for cell in cells)}
    hash, *rest = cells
    if rest and rest[0].isdecimal():
        return {"hash": hash, "quality": rest[0], "label": ", ".join(rest[1:])}
    return {"hash": hash, "label": ", ".join(rest)}


def _json_records(text: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > 1 and all(line.strip().startswith("{") and line.strip().endswith("}") for _, line in lines):
        for number, line in lines:
            yield f"line {number}", _object(line, f"{name}, line {number}")
        return
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as cause:
        raise HashListInvalid(f"{name}, line {cause.lineno}: {cause.msg}") from cause
    for number, record in enumerate(_records(document), 1):
        if not isinstance(record, dict):
            record = {"hash": record}
        yield f"entry {number}", record


def _records(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    found = [value for key, value in document.items() if _plain(key) in CONTAINERS and isinstance(value, list)]
    return found[0] if found else [document]


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError as cause:
        raise HashListInvalid(f"{where}: {cause.msg}") from cause
    if not isinstance(record, dict):
        raise HashListInvalid(f"{where}: {text[:80]!r} is no JSON object")
    return record


def _line(record: Mapping[str, Any], where: str) -> Line:
    fields = _normalised(record)
    fingerprints = fields.get("fingerprints")  # NCMEC: all hashes of an image under their names
    if isinstance(fingerprints, dict):
        fields |= {"type": "pdq", **_normalised(fingerprints)} if _has_pdq(fingerprints) else {"type": "not PDQ"}
    if reason := _left_out(fields, where):
        return LeftOut(reason)
    distance = _number(_first(fields, DISTANCES), LARGEST_DISTANCE, where, "distance")
    return Entry(_hash(_first(fields, HASHES), where), _first(fields, LABELS), _first(fields, SOURCES), distance)


def _left_out(fields: Mapping[str, Any], where: str) -> str | None:
    kind = _first(fields, KINDS)
    if kind and _plain(kind) not in PDQ:
        return "another kind of hash"
    if fields.get("shoulddelete") is True or fields.get("deleted") is True:
        return "withdrawn"
    if _plain(_first(fields, STATUSES)) in GONE:
        return "withdrawn"
    quality = _number(_text(fields.get("quality")), 100, where, "quality")
    return f"quality under {HASHABLE}" if quality is not None and quality < HASHABLE else None


def _hash(value: str, where: str) -> bytes:
    digits = value.removeprefix("pdq ")
    try:
        hash = bytes.fromhex(digits)
    except ValueError:
        hash = b""
    if len(hash) != BYTES or len(digits) != 2 * BYTES:  # `fromhex` skips spaces
        raise HashListInvalid(f"{where}: {value[:80]!r} is no PDQ hash, which has {2 * BYTES} hexadecimal digits")
    return hash


def _number(value: str, most: int, where: str, name: str) -> int | None:
    if not value:
        return None
    if not (value.isdecimal() and value.isascii()) or len(value) > 3 or int(value) > most:
        raise HashListInvalid(f"{where}: {name} {value[:80]!r} is no whole number from 0 to {most}")
    return int(value)


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        if name in fields and (text := _text(fields[name])):
            return text
    return ""


def _text(value: Any, depth: int = 0) -> str:
    """What a value says in words: ThreatExchange wraps tags as {"data": [{"text": …}]}, owners as {"name": …}."""
    if isinstance(value, str):
        return value.strip()
    if depth > DEEPEST:
        return ""
    if isinstance(value, list):
        return ", ".join(filter(None, (_text(one, depth + 1) for one in value)))
    if isinstance(value, dict):
        texts = (_text(value.get(name), depth + 1) for name in ("data", "text", "name", "indicator"))
        return next(filter(None, texts), "")
    return "" if value is None else str(value).strip()


def _normalised(record: Mapping[str, Any]) -> dict[str, Any]:
    return {_plain(key): value for key, value in record.items()}


@lru_cache(10_000)  # the same few names, a million times
def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "").replace("-", "").replace(" ", "")


def _has_pdq(fingerprints: Mapping[str, Any]) -> bool:
    return any(_plain(name) == "pdq" for name in fingerprints)
