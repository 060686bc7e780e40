"""Reads manifests: JSON lines or Parquet, with a column that names each image, and optionally an `id`.

A line that names no image becomes an item with a problem; its row says the line's number. So does a line of a manifest
that lies elsewhere, if it names what only this machine can reach: whoever may write there has no say over files here.
"""

import os
import posixpath
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator, Mapping
from math import isnan
from typing import Any, BinaryIO
from urllib.parse import urljoin

import orjson

from service.bulk import optional_imports
from service.bulk.errors import ManifestLineInvalid, SourceInvalid
from service.bulk.items import BulkItem
from service.operations.json_request import is_utf16

COLUMNS = (
    "path",
    "url",
    "image",
    "source",
)  # the first that a line has; `source` lets the rows of an output be a manifest
_PARQUET = (".parquet", ".pq")
_JSON_LINES = (".jsonl", ".ndjson")
_WEB = ("http://", "https://")


def is_manifest(name: str) -> bool:
    return name.lower().partition("?")[0].endswith((*_PARQUET, *_JSON_LINES))


def read_manifest(file: BinaryIO, name: str, *, schemes: Collection[str] | None = None) -> Iterator[BulkItem]:
    """`name` is the manifest's path or URL; paths in it are relative to that.

    `schemes` are those of the store that the manifest lies in, which its lines may name beside http(s); None for one of
    this machine, which may name anything. Raises SourceInvalid or ExtraMissing.
    """
    rows = _parquet_rows(file, name) if name.lower().partition("?")[0].endswith(_PARQUET) else _json_rows(file, name)
    for number, row in rows:
        try:
            yield _parse_item(row, name, schemes)
        except ManifestLineInvalid as problem:
            source = f"{name}#{number}"
            yield BulkItem(source, source, ManifestLineInvalid(f"line {number} of {name!r}: {problem}"))


def _json_rows(file: BinaryIO, name: str) -> Iterator[tuple[int, Any]]:
    for number, written in enumerate(file, 1):
        if number == 1 and is_utf16(written):
            raise SourceInvalid(f"the manifest {name!r} is in UTF-16 or UTF-32; it must be in UTF-8")
        line = written.removeprefix(BOM_UTF8)  # which some editors and shells write
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


def _parse_item(row: Any, manifest: str, schemes: Collection[str] | None) -> BulkItem:
    if isinstance(row, ManifestLineInvalid):
        raise row
    if not isinstance(row, Mapping):
        raise ManifestLineInvalid("this is no JSON object")
    column = next((column for column in COLUMNS if row.get(column) is not None), None)
    if column is None:
        raise ManifestLineInvalid(f"it has no {_column_names()}")
    if not isinstance(row[column], str) or not row[column]:
        raise ManifestLineInvalid(f"{column!r} must be a path or a URL")
    source = _resolve(row[column], manifest, schemes)
    return BulkItem(_read_id(row.get("id")) or source, source)


def _read_id(id: Any) -> str | None:
    """pandas writes whole numbers as 1.0 and missing ones as NaN where a column has both."""
    if id is None or (isinstance(id, float) and isnan(id)):
        return None
    if isinstance(id, float) and id.is_integer():
        return str(int(id))
    if isinstance(id, bool) or not isinstance(id, str | int):
        raise ManifestLineInvalid("'id' must be a text or a whole number")
    return str(id)


def _resolve(source: str, manifest: str, schemes: Collection[str] | None) -> str:
    if manifest.lower().startswith(_WEB):
        found = urljoin(manifest, source)
        if not found.lower().startswith(_WEB):
            raise ManifestLineInvalid("a manifest behind http(s) can name http(s) URLs only")
        return found
    if schemes is not None:
        return source if source.lower().startswith(_WEB) else _resolve_in_store(source, manifest, schemes)
    if "://" in source or source.startswith("/"):
        return source
    return os.path.join(os.path.dirname(manifest), source)  # noqa: PTH118, PTH120  # keeps "./a" and "a" as they are


def _resolve_in_store(source: str, manifest: str, schemes: Collection[str]) -> str:
    """A path is relative to the manifest and stays in its bucket; `::` would have fsspec put one store upon another."""
    scheme, _, path = manifest.partition("://")
    if "::" in source or "::" in path or source.startswith("/"):
        raise ManifestLineInvalid("a manifest in a store can name http(s) URLs and files of that store only")
    if "://" in source:
        if source.partition("://")[0] not in schemes:
            raise ManifestLineInvalid(f"a manifest in {scheme}:// can name http(s) URLs and files of that store only")
        return source
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), source))
    if found.partition("/")[0] != path.partition("/")[0]:
        raise ManifestLineInvalid("this path leads out of the manifest's bucket")
    return f"{scheme}://{found}"


def _column_names() -> str:
    return ", ".join(map(repr, COLUMNS[:-1])) + f" or {COLUMNS[-1]!r}"
