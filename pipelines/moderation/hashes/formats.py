"""Parses hash lists in the formats in which they are exchanged.

CSV      HASH | HASH,label | HASH,quality,label | hash=HASH,quality=…, or any columns under a header
JSON     [{…}, …], {"data": [{…}, …]} as ThreatExchange has it, {"hashRecords": […]} as StopNCII; or one {…} a line

In every format a record is a mapping of names to values; the names below are those in use. A record that cannot
be parsed is an error. One that can, but is no PDQ hash or no longer valid, is skipped and counted.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from pipelines.moderation.hashes.index import HASH_BYTES
from pipelines.moderation.hashes.kinds import MAX_DISTANCE
from pipelines.moderation.hashes.lists import HashEntry, HashListInvalid, SkippedHash
from pipelines.moderation.hashes.pdq import MIN_QUALITY

ParsedHash = HashEntry | SkippedHash

HASH_FIELDS = ("hash", "pdq", "pdqhash", "indicator", "hashvalue", "signal", "signalvalue", "value")
KIND_FIELDS = ("type", "signaltype", "hashtype", "indicatortype")
PDQ_KINDS = ("pdq", "hashpdq", "imagepdq", "pdqhash")
LABEL_FIELDS = ("label", "category", "classification", "tags", "name", "description", "filename")
SOURCE_FIELDS = ("source", "owner", "member")
STATUS_FIELDS = ("hashstatus", "status")
DISTANCE_FIELDS = ("distance", "maxdistance", "threshold")
CONTAINER_FIELDS = ("data", "hashrecords", "entries", "hashes", "images", "signals")
MAX_DEPTH = 4  # levels of lists and mappings that are searched for a text
WITHDRAWN_STATUSES = {"withdrawn", "deleted", "nonmalicious"}  # ThreatExchange: NON_MALICIOUS


def parse_hash_list(data: bytes, name: str) -> Iterator[ParsedHash]:
    """Yield the entries of a list; raises HashListInvalid, whose message calls the list `name`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise HashListInvalid(f"{name}: byte {cause.start} is not UTF-8") from cause
    records = _read_json if text.lstrip().startswith(("[", "{")) else _read_csv
    for where, record in records(text, name):
        yield _parse_record(record, f"{name}, {where}")


def parse_redis_value(hash: str, value: str, name: str) -> HashEntry:
    """Parse an entry of a Redis hash, whose field is the hash: the value is JSON, or the label alone."""
    where = f"{name}, field {hash[:80]!r}"
    record = _parse_object(value, where) if value.startswith("{") else {"label": value}
    parsed = _parse_record({**_normalise_keys(record), "hash": hash}, where)
    if isinstance(parsed, SkippedHash):
        raise HashListInvalid(f"{where}: {parsed.reason}")
    return parsed


def _read_csv(text: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # strict: a quote that is never closed would take the rest of the list into one label.
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    is_first = True
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if is_first and any(_normalise_name(cell) in HASH_FIELDS for cell in cells):
                header = cells
            else:
                yield f"line {rows.line_num}", _make_record(cells, header, f"{name}, line {rows.line_num}")
            is_first = False
    except csv.Error as cause:
        raise HashListInvalid(f"{name}, line {rows.line_num}: {cause}") from cause


def _make_record(cells: list[str], header: list[str] | None, where: str) -> Mapping[str, Any]:
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


def _read_json(text: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > 1 and all(line.strip().startswith("{") and line.strip().endswith("}") for _, line in lines):
        for number, line in lines:
            yield f"line {number}", _parse_object(line, f"{name}, line {number}")
        return
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as cause:
        raise HashListInvalid(f"{name}, line {cause.lineno}: {cause.msg}") from cause
    for number, record in enumerate(_find_records(document), 1):
        if not isinstance(record, dict):
            record = {"hash": record}
        yield f"entry {number}", record


def _find_records(document: Any) -> list[Any]:
    if isinstance(document, list):
        return document
    values = (value for key, value in document.items() if _normalise_name(key) in CONTAINER_FIELDS)
    return next((value for value in values if isinstance(value, list)), [document])


def _parse_object(text: str, where: str) -> dict[str, Any]:
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError as cause:
        raise HashListInvalid(f"{where}: {cause.msg}") from cause
    if not isinstance(record, dict):
        raise HashListInvalid(f"{where}: {text[:80]!r} is no JSON object")
    return record


def _parse_record(record: Mapping[str, Any], where: str) -> ParsedHash:
    fields = _normalise_keys(record)
    fingerprints = fields.get("fingerprints")  # NCMEC: all hashes of an image under their names
    if isinstance(fingerprints, dict):
        fields |= {"type": "pdq", **_normalise_keys(fingerprints)} if _has_pdq(fingerprints) else {"type": "not PDQ"}
    if reason := _find_skip_reason(fields, where):
        return SkippedHash(reason)
    distance = _parse_number(_get_first(fields, DISTANCE_FIELDS), MAX_DISTANCE, where, "distance")
    hash = _parse_hash(_get_first(fields, HASH_FIELDS), where)
    return HashEntry(hash, _get_first(fields, LABEL_FIELDS), _get_first(fields, SOURCE_FIELDS), distance)


def _find_skip_reason(fields: Mapping[str, Any], where: str) -> str | None:
    kind = _get_first(fields, KIND_FIELDS)
    if kind and _normalise_name(kind) not in PDQ_KINDS:
        return "another kind of hash"
    if fields.get("shoulddelete") is True or fields.get("deleted") is True:
        return "withdrawn"
    if _normalise_name(_get_first(fields, STATUS_FIELDS)) in WITHDRAWN_STATUSES:
        return "withdrawn"
    quality = _parse_number(_flatten_text(fields.get("quality")), 100, where, "quality")
    return f"quality under {MIN_QUALITY}" if quality is not None and quality < MIN_QUALITY else None


def _parse_hash(value: str, where: str) -> bytes:
    digits = value.removeprefix("pdq ")
    try:
        hash = bytes.fromhex(digits)
    except ValueError:
        hash = b""
    if len(hash) != HASH_BYTES or len(digits) != 2 * HASH_BYTES:  # `fromhex` skips spaces
        raise HashListInvalid(f"{where}: {value[:80]!r} is no PDQ hash, which has {2 * HASH_BYTES} hexadecimal digits")
    return hash


def _parse_number(value: str, most: int, where: str, name: str) -> int | None:
    if not value:
        return None
    if not (value.isdecimal() and value.isascii()) or len(value) > 3 or int(value) > most:
        raise HashListInvalid(f"{where}: {name} {value[:80]!r} is no whole number from 0 to {most}")
    return int(value)


def _get_first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        if name in fields and (text := _flatten_text(fields[name])):
            return text
    return ""


def _flatten_text(value: Any, depth: int = 0) -> str:
    """The text of a value: ThreatExchange wraps tags as {"data": [{"text": …}]}, owners as {"name": …}."""
    if isinstance(value, str):
        return value.strip()
    if depth > MAX_DEPTH:
        return ""
    if isinstance(value, list):
        return ", ".join(filter(None, (_flatten_text(one, depth + 1) for one in value)))
    if isinstance(value, dict):
        texts = (_flatten_text(value.get(name), depth + 1) for name in ("data", "text", "name", "indicator"))
        return next(filter(None, texts), "")
    return "" if value is None else str(value).strip()


def _normalise_keys(record: Mapping[str, Any]) -> dict[str, Any]:
    return {_normalise_name(key): value for key, value in record.items()}


@lru_cache(10_000)  # the same few names, a million times
def _normalise_name(name: str) -> str:
    return name.strip().lower().replace("_", "").replace("-", "").replace(" ", "")


def _has_pdq(fingerprints: Mapping[str, Any]) -> bool:
    return any(_normalise_name(name) == "pdq" for name in fingerprints)
