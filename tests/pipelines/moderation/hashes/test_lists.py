"""Lists by column, their version, and what matches them."""

import pytest

from pipelines.moderation.hashes.lists import Entry, HashList, LeftOut, Match
from tests.pipelines.moderation.hash_values import hash_of, searchable

ENTRIES = (Entry(hash_of(1), "one", "us", 3), Entry(hash_of(2)), Entry(hash_of(1), "again"))


def test_a_list_gives_back_its_entries_duplicates_too() -> None:
    entries = HashList.of(ENTRIES)

    assert [entries.entry(place) for place in range(len(entries))] == list(ENTRIES)


def test_the_version_is_that_of_the_content_not_of_its_order() -> None:
    versions = [HashList.of(entries).version for entries in (ENTRIES, ENTRIES[::-1], (*ENTRIES, LeftOut("old")))]

    assert len(set(versions)) == 1


@pytest.mark.parametrize(
    "entries",
    [
        ENTRIES[:2],
        (*ENTRIES, ENTRIES[0]),
        (Entry(hash_of(1), "one", "us", 4), *ENTRIES[1:]),
        (Entry(hash_of(1), "oneus", "", 3), *ENTRIES[1:]),
        (),
    ],
)
def test_another_content_is_another_version(entries: tuple[Entry, ...]) -> None:
    assert HashList.of(entries).version != HashList.of(ENTRIES).version


@pytest.mark.parametrize(
    ("own", "flip", "limit", "score"),
    [
        (None, 0, 31, 1.0), (None, 31, 31, 0.5), (None, 32, None, None),
        (10, 0, 10, 1.0), (10, 5, 10, 0.75), (10, 11, None, None),
        (0, 0, 0, 1.0), (0, 1, None, None), (60, 32, None, None),
    ],
)  # fmt: skip
def test_a_score_falls_from_1_to_a_half_at_the_smaller_limit(
    own: int | None, flip: int, limit: int | None, score: float | None
) -> None:
    entry = Entry(hash_of(1), distance=own)

    matches = searchable(entry).matches([hash_of(1, flip=flip)], 31)

    expected = [] if limit is None else [(Match(entry, flip, limit), score)]
    assert [(match, match.score) for match in matches] == expected


def test_of_several_hashes_the_nearest_counts_and_the_best_score_comes_first() -> None:
    near, strict = Entry(hash_of(1), "near"), Entry(hash_of(1, flip=4), "strict", distance=4)

    matches = searchable(strict, near).matches([hash_of(1, flip=8), hash_of(1, flip=3), hash_of(2)], 31)

    assert [(match.entry.label, match.distance) for match in matches] == [("near", 3), ("strict", 1)]
