"""Hashes to put into lists."""

from pipelines.moderation.hashes.lists import Entry, HashList, SearchableList


def hash_of(number: int, *, flip: int = 0) -> bytes:
    """A hash of its own for each small number, far from all others, with the last `flip` bits turned over."""
    value = int.from_bytes(bytes((number * 37 + place * place * 11) % 256 for place in range(32)))
    return (value ^ ((1 << flip) - 1)).to_bytes(32)


def searchable(*entries: Entry) -> SearchableList:
    return SearchableList.of(HashList.of(entries))
