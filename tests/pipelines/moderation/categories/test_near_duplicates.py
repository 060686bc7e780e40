"""Near-duplicates are found among many vectors, and grouped through others."""

import numpy as np

from pipelines.moderation.categories.head import normalise_length
from pipelines.moderation.categories.near_duplicates import describe_near_duplicates, find_near_duplicates, group_pairs
from tests.pipelines.moderation.embeddings import make_embeddings


def test_copies_are_found_across_blocks_of_rows() -> None:
    vectors = make_embeddings(1500, towards=0, seed=0)
    vectors[1400] = vectors[3] * 1.001
    vectors[1030] = vectors[1029]

    assert find_near_duplicates(normalise_length(vectors)).tolist() == [[3, 1400], [1029, 1030]]


def test_pairs_that_share_a_row_form_one_group() -> None:
    groups = group_pairs(np.array([[0, 1], [2, 3], [1, 3]]), 6)

    assert groups[0] == groups[1] == groups[2] == groups[3]
    assert groups[0] != groups[4]
    assert groups[4] != groups[5]


def test_pairs_across_and_within_classes_get_separate_warnings() -> None:
    across, within = describe_near_duplicates(np.array([[0, 1], [0, 3]]), np.array([1, 1, 0, 0]))

    assert "2 images" in across
    assert "other kind" in across
    assert "2 images" in within


def test_without_near_duplicates_there_is_no_warning() -> None:
    assert describe_near_duplicates(np.empty((0, 2), np.int64), np.array([1, 0])) == []
