"""What a batch is made of: one item for each time that an input is listed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from service.bulk.errors import ItemRejected


@dataclass(frozen=True, slots=True)
class Item:
    """`source` is a path or a URL; `id` is the manifest's, else the source once more.

    Id and source together are an item's identity. Where a listing has the same item several times, each has a row.
    `problem` is why there is nothing to read, known when it was listed.
    """

    id: str
    source: str
    problem: ItemRejected | None = None

    @property
    def key(self) -> bytes:
        return key_of(as_text(self.id), as_text(self.source))


IsDone = Callable[[Item], bool]


def key_of(id: str, source: str) -> bytes:
    """16 bytes, from the texts that a row has."""
    return hashlib.blake2b(f"{len(id)} {id}{source}".encode(), digest_size=16).digest()


def as_text(name: str) -> str:
    """A file's name as it can be written into JSON: bytes that are no UTF-8 as `\\xNN`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
