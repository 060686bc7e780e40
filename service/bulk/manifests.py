"""Manifests: JSON lines or Parquet, with a column that names each image, and `id` where there are better names.

A line that names nothing is an item with a problem: it gets its row like all others, which says the line's number.
"""

import os
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import urljoin

import orjson

from service.bulk import optional_imports
from service.bulk.errors import ManifestLineInvalid, SourceInvalid
from service.bulk.items import Item

COLUMNS = ("path", "url", "image", "source")  # the first that a line has; `source` is what a batch's own rows have
_PARQUET = (".parquet", ".pq")
_LINES = (".jsonl", ".ndjson")


def is_manifest(name: str) -> bool:
    return name.lower().partition("?")[0].endswith((*_PARQUET, *_LINES))


def manifest_items(file: BinaryIO, name: str) -> Iterator[Item]:
    """`name` is the manifest's path or URL; paths in it are relative to that. Raises SourceInvalid, ExtraMissing."""
    rows = _parquet(file, name) if name.lower().partition("?")[0].endswith(_PARQUET) else _lines(file)
    for number, row in rows:
        try:
            yield _item(row, name)
        except ManifestLineInvalid as problem:
            place = f"{name}#{number}"
            yield Item(place, place, ManifestLineInvalid(f"line {number} of {name!r}: {problem}"))


def _lines(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError as cause:
                yield number, ManifestLineInvalid(f"this is no JSON: {cause}")


def _parquet(file: BinaryIO, name: str) -> Iterator[tuple[int, Any]]:
    arrow, parquet = optional_imports.parquet()
    try:
        table = parquet.ParquetFile(file)
        columns = [column for column in (*COLUMNS, "id") if column in table.schema_arrow.names]
        if columns in ([], ["id"]):
            raise SourceInvalid(f"the manifest {name!r} has no column {_words()}; it has: {table.schema_arrow.names}")
        batches = (batch.to_pylist() for batch in table.iter_batches(1_000, columns=columns))
        yield from enumerate((row for batch in batches for row in batch), 1)
    except arrow.ArrowException as cause:
        raise SourceInvalid(f"the manifest {name!r} is no Parquet file: {cause}") from cause


def _item(row: Any, manifest: str) -> Item:
    if isinstance(row, ManifestLineInvalid):
        raise row
    if not isinstance(row, Mapping):
        raise ManifestLineInvalid("this is no JSON object")
    named = next((column for column in COLUMNS if row.get(column) is not None), None)
    if named is None:
        raise ManifestLineInvalid(f"it has no {_words()}")
    if not isinstance(row[named], str) or not row[named]:
        raise ManifestLineInvalid(f"{named!r} must be a path or a URL")
    source, id = _resolved(row[named], manifest), row.get("id")
    if id is not None and (isinstance(id, bool) or not isinstance(id, str | int)):
        raise ManifestLineInvalid("'id' must be a text or a whole number")
    return Item(source if id is None else str(id), source)


def _resolved(source: str, manifest: str) -> str:
    if manifest.lower().startswith(("http://", "https://")):
        found = urljoin(manifest, source)
        if not found.lower().startswith(("http://", "https://")):  # what others wrote must not open files of ours
            raise ManifestLineInvalid("a manifest behind http(s) can name http(s) URLs only")
        return found
    if "://" in source or source.startswith("/"):
        return source
    if "://" in manifest:
        scheme, _, path = manifest.partition("://")
        return f"{scheme}://{posixpath.normpath(posixpath.join(posixpath.dirname(path), source))}"
    return os.path.join(os.path.dirname(manifest), source)  # noqa: PTH118, PTH120  # keeps "./a" and "a" as they are


def _words() -> str:
    return ", ".join(map(repr, COLUMNS[:-1])) + f" or {COLUMNS[-1]!r}"
