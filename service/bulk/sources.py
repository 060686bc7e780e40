"""Turns the sources named on the command line into a stream of items, holding one listing page at a time.

SOURCE ─► folder ───────────────────────────► every file under it ─┐
       ├► glob ─────────────────────────────► files that match ────┼─► items
       ├► .jsonl, .ndjson, .parquet ────────► one for each line ───┤
       └► anything else ────────────────────► itself ──────────────┘
on this machine, in any file system of fsspec, or behind http(s).
"""

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.bulk import file_listing
from service.bulk.errors import SourceInvalid
from service.bulk.items import BulkItem
from service.bulk.manifests import is_manifest, read_manifest


@dataclass(frozen=True)
class SourceListing:
    """`fetched` has local copies of manifests behind http(s); `excluded` files are not inputs.

    It can be iterated several times, also in another process on this machine.
    """

    sources: Sequence[str]
    excluded: Sequence[Path] = ()
    fetched: Mapping[str, Path] = field(default_factory=dict)

    def __iter__(self) -> Iterator[BulkItem]:
        """Raises SourceInvalid or ExtraMissing if a source cannot be listed at all."""
        for source in self.sources:
            yield from self._list_source(source)

    def check(self) -> None:
        """Raises SourceInvalid for a local source that does not exist, without listing anything."""
        for source in self.sources:
            if "://" not in source and not glob.has_magic(source):
                _check_exists(source)

    def _list_source(self, source: str) -> Iterator[BulkItem]:
        if is_web_url(source):
            return self._list_web(source)
        if "://" in source:
            return file_listing.list_items(source)
        return self._list_local(source)

    def _list_web(self, source: str) -> Iterator[BulkItem]:
        if source in self.fetched:
            with self.fetched[source].open("rb") as file:
                yield from read_manifest(file, source)
        else:
            yield BulkItem(source, source)

    def _list_local(self, source: str) -> Iterator[BulkItem]:
        if os.path.isdir(source):  # noqa: PTH112  # False for a name that is too long, where pathlib raises
            yield from file_listing.list_folder(source, self.excluded)
        elif not os.path.exists(source) and glob.has_magic(source):  # noqa: PTH110
            for item in file_listing.list_matches(source, self.excluded):
                yield from [item] if item.problem is not None else _list_file(item.source)
        else:
            _check_exists(source)
            yield from _list_file(source)


def _list_file(name: str) -> Iterator[BulkItem]:
    if not is_manifest(name):
        yield BulkItem(name, name)
        return
    try:
        with Path(name).open("rb") as file:
            yield from read_manifest(file, name)
    except OSError as cause:
        why = " ".join((cause.strerror or str(cause)).split())  # Parquet's reader ends its messages with a line break
        raise SourceInvalid(f"cannot read {name!r}: {why}") from cause


def _check_exists(source: str) -> None:
    if not os.path.exists(source):  # noqa: PTH110
        raise SourceInvalid(f"no such file or folder: {source!r}")


def is_web_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))
