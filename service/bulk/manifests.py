"""Reads manifests: JSON lines or Parquet, with a column that names each image, and optionally an `id`.

A line that names no image becomes an item with a problem; its row says the line's number.
"""

import os
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import urljoin

import orjson

from service.bulk import optional_imports
from service.bulk.errors import ManifestLineInvalid, SourceInvalid
from service.bulk.items import BulkItem

COLUMNS = (
    "path",
    "url",
    "image",
    "source",
)  # the first that a line has; `source` lets the rows of an output be a manifest
_PARQUET = (".parquet", ".pq")
_JSON_LINES = (".jsonl", ".ndjson")


def is_manifest(name: str) -> bool:
    return name.lower().partition("?")[0].endswith((*_PARQUET, *_JSON_LINES))


def read_manifest(file: BinaryIO, name: str) -> Iterator[BulkItem]:
    """`name` is the manifest's path or URL; paths in it are relative to that. Raises SourceInvalid or ExtraMissing."""
    rows = _parquet_rows(file, name) if name.lower().partition("?")[0].endswith(_PARQUET) else _json_rows(file)
    for number, row in rows:
        try:
            yield _parse_item(row, name)
        except ManifestLineInvalid as problem:
            source = f"{name}#{number}"
            yield BulkItem(source, source, ManifestLineInvalid(f"line {number} of {name!r}: {problem}"))


def _json_rows(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError as cause:
                yield number, ManifestLineInvalid(f"this is no JSON: {cause}")


def _parquet_rows(file: BinaryIO, name: str) -> Iterator[tuple[int, Any]]:
    arrow, parquet = optional_imports.load_parquet()
    try:
        table = parquet.ParquetFile(file)
        columns = [column for column in (*COLUMNS, "id") if column in table.schema_arrow.names]
        if columns in ([], ["id"]):
            raise SourceInvalid(
                f"the manifest {name!r} has no column {_column_names()}; it has: {table.schema_arrow.names}"
            )
        batches = (batch.to_pylist() for batch in table.iter_batches(1_000, columns=columns))
        yield from enumerate((row for batch in batches for row in batch), 1)
    except arrow.ArrowException as cause:
        raise SourceInvalid(f"the manifest {name!r} is no Parquet file: {cause}") from cause


def _parse_item(row: Any, manifest: str) -> BulkItem:
    if isinstance(row, ManifestLineInvalid):
        raise row
    if not isinstance(row, Mapping):
        raise ManifestLineInvalid("this is no JSON object")
    column = next((column for column in COLUMNS if row.get(column) is not None), None)
    if column is None:
        raise ManifestLineInvalid(f"it has no {_column_names()}")
    if not isinstance(row[column], str) or not row[column]:
        raise ManifestLineInvalid(f"{column!r} must be a path or a URL")
    source, id = _resolve(row[column], manifest), row.get("id")
    if id is not None and (isinstance(id, bool) or not isinstance(id, str | int)):
        raise ManifestLineInvalid("'id' must be a text or a whole number")
    return BulkItem(source if id is None else str(id), source)


def _resolve(source: str, manifest: str) -> str:
    if manifest.lower().startswith(("http://", "https://")):
        found = urljoin(manifest, source)
        if not found.lower().startswith(("http://", "https://")):  # a foreign manifest must not open local files
            raise ManifestLineInvalid("a manifest behind http(s) can name http(s) URLs only")
        return found
    if "://" in source or source.startswith("/"):
        return source
    if "://" in manifest:
        scheme, _, path = manifest.partition("://")
        return f"{scheme}://{posixpath.normpath(posixpath.join(posixpath.dirname(path), source))}"
    return os.path.join(os.path.dirname(manifest), source)  # noqa: PTH118, PTH120  # keeps "./a" and "a" as they are


def _column_names() -> str:
    return ", ".join(map(repr, COLUMNS[:-1])) + f" or {COLUMNS[-1]!r}"
