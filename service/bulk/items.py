"""An item of a bulk run: one for each time that an input is listed."""

import hashlib
from dataclasses import dataclass

from service.bulk.errors import ItemRejected


@dataclass(frozen=True, slots=True)
class BulkItem:
    """`source` is a path or a URL; `id` comes from the manifest, else it equals the source.

    Id and source together are an item's identity. An item that is listed several times has a row for each.
    `problem` says why there is nothing to read, if that was known when it was listed.
    """

    id: str
    source: str
    problem: ItemRejected | None = None

    @property
    def key(self) -> bytes:
        return item_key(escape_name(self.id), escape_name(self.source))


def item_key(id: str, source: str) -> bytes:
    """16 bytes, from id and source as a row has them."""
    return hashlib.blake2b(f"{len(id)} {id}{source}".encode(), digest_size=16).digest()


def escape_name(name: str) -> str:
    """A file name as JSON can have it: bytes that are not UTF-8 become `\\xNN`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
