"""Sources as the command line names them, to a stream of items: nothing is held but the page being listed.

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
from service.bulk.items import Item
from service.bulk.manifests import is_manifest, manifest_items


@dataclass(frozen=True)
class Listing:
    """`fetched` has the copies of manifests that are behind http(s); `left_out` are files that are no input.

    It can be gone through several times, also in another process on this machine.
    """

    sources: Sequence[str]
    left_out: Sequence[Path] = ()
    fetched: Mapping[str, Path] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Item]:
        """Raises SourceInvalid or ExtraMissing where a source cannot be listed at all."""
        for source in self.sources:
            yield from self._items(source)

    def check(self) -> None:
        """Raises SourceInvalid for what is not on this machine, without listing anything."""
        for source in self.sources:
            if "://" not in source and not glob.has_magic(source):
                _check_there(source)

    def _items(self, source: str) -> Iterator[Item]:
        if is_web(source):
            return self._from_web(source)
        if "://" in source:
            return file_listing.items(source)
        return self._local(source)

    def _from_web(self, source: str) -> Iterator[Item]:
        if source in self.fetched:
            with self.fetched[source].open("rb") as file:
                yield from manifest_items(file, source)
        else:
            yield Item(source, source)

    def _local(self, source: str) -> Iterator[Item]:
        path = Path(source)
        if path.is_dir():
            yield from file_listing.under(source, self.left_out)
        elif not path.exists() and glob.has_magic(source):
            for name in glob.iglob(source, recursive=True):  # noqa: PTH207  # takes absolute patterns, too
                if os.path.isfile(name) and not file_listing.is_one_of(name, self.left_out):  # noqa: PTH113
                    yield from _file(name)
        else:
            _check_there(source)
            yield from _file(source)


def _file(name: str) -> Iterator[Item]:
    if not is_manifest(name):
        yield Item(name, name)
        return
    try:
        with Path(name).open("rb") as file:
            yield from manifest_items(file, name)
    except OSError as cause:
        raise SourceInvalid(f"cannot read {name!r}: {cause.strerror or cause}") from cause


def _check_there(source: str) -> None:
    if not Path(source).exists():
        raise SourceInvalid(f"no such file or folder: {source!r}")


def is_web(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))
