"""Near-duplicates are found among many, and joined over others."""

import numpy as np

from pipelines.moderation.categories.head import unit
from pipelines.moderation.categories.near_duplicates import duplicates, groups_of, in_words
from tests.pipelines.moderation.clouds import cloud


def test_copies_are_found_across_blocks_of_rows() -> None:
    vectors = cloud(1500, towards=0, seed=0)
    vectors[1400] = vectors[3] * 1.001
    vectors[1030] = vectors[1029]

    assert duplicates(unit(vectors)).tolist() == [[3, 1400], [1029, 1030]]


def test_groups_join_over_others() -> None:
    groups = groups_of(np.array([[0, 1], [2, 3], [1, 3]]), 6)

    assert [len({groups[row] for row in rows}) for rows in ((0, 1, 2, 3), (0, 4), (4, 5))] == [1, 2, 2]


def test_those_across_the_classes_are_told_apart_from_those_within() -> None:
    across, within = in_words(np.array([[0, 1], [0, 3]]), np.array([1, 1, 0, 0]))

    assert ("2 images" in across, "other kind" in across, "2 images" in within) == (True, True, True)


def test_without_near_duplicates_there_is_nothing_to_say() -> None:
    assert in_words(np.empty((0, 2), np.int64), np.array([1, 0])) == []
