"""Makes hashes and lists of them for tests."""

from pipelines.moderation.hashes.lists import HashEntry, HashList, SearchableHashList


def make_hash(number: int, *, flip: int = 0) -> bytes:
    """A distinct hash for each small number, far from all others, with its last `flip` bits flipped."""
    value = int.from_bytes(bytes((number * 37 + place * place * 11) % 256 for place in range(32)))
    return (value ^ ((1 << flip) - 1)).to_bytes(32)


def make_searchable_list(*entries: HashEntry) -> SearchableHashList:
    return SearchableHashList.of(HashList.of(entries))
