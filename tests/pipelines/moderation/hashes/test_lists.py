"""Hash lists: their entries, version and matches."""

import pytest

from pipelines.moderation.hashes.lists import HashEntry, HashList, HashMatch, SkippedHash
from tests.pipelines.moderation.hash_values import make_hash, make_searchable_list

ENTRIES = (HashEntry(make_hash(1), "one", "us", 3), HashEntry(make_hash(2)), HashEntry(make_hash(1), "again"))


def test_a_list_returns_its_entries_including_duplicates() -> None:
    entries = HashList.of(ENTRIES)

    assert [entries.get_entry(position) for position in range(len(entries))] == list(ENTRIES)


def test_the_version_does_not_depend_on_order_and_skipped_lines() -> None:
    versions = [HashList.of(entries).version for entries in (ENTRIES, ENTRIES[::-1], (*ENTRIES, SkippedHash("old")))]

    assert len(set(versions)) == 1


@pytest.mark.parametrize(
    "entries",
    [
        ENTRIES[:2],
        (*ENTRIES, ENTRIES[0]),
        (HashEntry(make_hash(1), "one", "us", 4), *ENTRIES[1:]),
        (HashEntry(make_hash(1), "oneus", "", 3), *ENTRIES[1:]),
        (),
    ],
)
def test_other_content_has_another_version(entries: tuple[HashEntry, ...]) -> None:
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
    entry = HashEntry(make_hash(1), distance=own)

    matches = make_searchable_list(entry).find_matches([make_hash(1, flip=flip)], 31)

    expected = [] if limit is None else [(HashMatch(entry, flip, limit), score)]
    assert [(match, match.score) for match in matches] == expected


def test_matches_count_the_nearest_hash_and_sort_by_score() -> None:
    near, strict = HashEntry(make_hash(1), "near"), HashEntry(make_hash(1, flip=4), "strict", distance=4)

    matches = make_searchable_list(strict, near).find_matches(
        [make_hash(1, flip=8), make_hash(1, flip=3), make_hash(2)], 31
    )

    assert [(match.entry.label, match.distance) for match in matches] == [("near", 3), ("strict", 1)]
