"""The index finds exactly what comparing with every hash finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.moderation.hashes.index import BYTES, HashIndex

Hashes = NDArray[np.uint8]
MANY = 10_000


def some_hashes(count: int, seed: int = 0) -> Hashes:
    return np.random.default_rng(seed).integers(0, 256, (count, BYTES), np.uint8)


def flipped(hash: Hashes, bits: list[int]) -> Hashes:
    """The hash with these bits, of 256, turned over."""
    unpacked = np.unpackbits(hash)
    unpacked[bits] ^= 1
    return np.packbits(unpacked)


def compared(hashes: Hashes, hash: Hashes, distance: int) -> list[tuple[int, int]]:
    """(distance, place) of every hash within `distance`, by looking at each."""
    distances = np.unpackbits(hashes ^ hash, axis=1).sum(1)
    return sorted((int(distances[place]), int(place)) for place in np.flatnonzero(distances <= distance))


def found(index: HashIndex, hash: Hashes, distance: int) -> list[tuple[int, int]]:
    return [(int(bits), int(place)) for place, bits in zip(*index.within(hash.tobytes(), distance), strict=True)]


@pytest.fixture(scope="module")
def random_index() -> HashIndex:
    return HashIndex.of(some_hashes(MANY))


@pytest.mark.parametrize(
    ("distance", "count"),
    [*((distance, MANY) for distance in (0, 1, 15, 16, 17, 31, 32, 64, 100, 256)), (47, 200_000), (48, 200_000)],
)
def test_neighbours_planted_at_every_distance_are_found_up_to_it_and_not_beyond(distance: int, count: int) -> None:
    random = np.random.default_rng(distance)
    hash = some_hashes(1, seed=99)[0]
    planted = [flipped(hash, list(random.choice(256, bits, replace=False))) for bits in range(min(distance + 2, 257))]
    hashes = np.concatenate([some_hashes(count - len(planted)), planted])

    answer = found(HashIndex.of(hashes), hash, distance)

    assert (answer, answer[-1][0]) == (compared(hashes, hash, distance), distance)


@settings(max_examples=200, deadline=None)
@given(
    place=st.integers(0, MANY - 1),
    bits=st.lists(st.integers(0, 255), unique=True, max_size=70),
    distance=st.integers(0, 70),
)
def test_whatever_bits_differ_the_answer_is_that_of_brute_force(
    random_index: HashIndex, place: int, bits: list[int], distance: int
) -> None:
    hashes = random_index.words.view(np.uint8)
    hash = flipped(hashes[place], bits)

    assert found(random_index, hash, distance) == compared(hashes, hash, distance)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(0, 40), st.integers(0, 256))
def test_lists_of_few_values_and_many_duplicates_are_no_exception(
    data: st.DataObject, count: int, distance: int
) -> None:
    kinds = np.repeat(np.array([[0], [1], [255]], np.uint8), BYTES, axis=1)
    hashes = kinds[data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))]
    hash = kinds[data.draw(st.integers(0, 2))]

    assert found(HashIndex.of(hashes), hash, distance) == compared(hashes, hash, distance)


def test_ten_thousand_times_the_same_hash_is_found_as_often() -> None:
    hashes = np.repeat(some_hashes(1), MANY, axis=0)

    assert found(HashIndex.of(hashes), flipped(hashes[0], [3, 77]), 31) == [(2, place) for place in range(MANY)]


@pytest.mark.parametrize("distance", [0, 31, 256])
def test_an_empty_index_has_nothing(distance: int) -> None:
    assert found(HashIndex.of(some_hashes(0)), some_hashes(1)[0], distance) == []


@pytest.mark.parametrize(("distance", "expected"), [(0, []), (4, []), (5, [(5, 0)]), (31, [(5, 0)])])
def test_an_index_of_one_hash_has_it_or_not(distance: int, expected: list[tuple[int, int]]) -> None:
    hashes = some_hashes(1)

    assert found(HashIndex.of(hashes), flipped(hashes[0], [0, 50, 100, 150, 255]), distance) == expected


def test_the_nearest_come_first_and_equals_keep_the_order_of_the_list() -> None:
    hash = some_hashes(1)[0]
    hashes = np.array([flipped(hash, list(range(bits))) for bits in (7, 2, 9, 2, 0)])

    assert found(HashIndex.of(hashes), hash, 8) == [(0, 4), (2, 1), (2, 3), (7, 0)]
