"""The index finds exactly what comparing with every hash finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.moderation.hashes.index import HASH_BYTES, HashIndex

Hashes = NDArray[np.uint8]
MANY = 10_000


def make_hashes(count: int, seed: int = 0) -> Hashes:
    return np.random.default_rng(seed).integers(0, 256, (count, HASH_BYTES), np.uint8)


def flip_bits(hash: Hashes, bits: list[int]) -> Hashes:
    """The hash with these bits, of 256, flipped."""
    unpacked = np.unpackbits(hash)
    unpacked[bits] ^= 1
    return np.packbits(unpacked)


def find_by_brute_force(hashes: Hashes, hash: Hashes, distance: int) -> list[tuple[int, int]]:
    """(distance, position) of every hash within `distance`, by comparing each of them."""
    distances = np.unpackbits(hashes ^ hash, axis=1).sum(1)
    return sorted((int(distances[position]), int(position)) for position in np.flatnonzero(distances <= distance))


def find_by_index(index: HashIndex, hash: Hashes, distance: int) -> list[tuple[int, int]]:
    return [
        (int(bits), int(position)) for position, bits in zip(*index.find_within(hash.tobytes(), distance), strict=True)
    ]


@pytest.fixture(scope="module")
def random_index() -> HashIndex:
    return HashIndex.of(make_hashes(MANY))


@pytest.mark.parametrize(
    ("distance", "count"),
    [*((distance, MANY) for distance in (0, 1, 15, 16, 17, 31, 32, 64, 100, 256)), (47, 200_000), (48, 200_000)],
)
def test_planted_neighbours_are_found_up_to_the_distance(distance: int, count: int) -> None:
    random = np.random.default_rng(distance)
    hash = make_hashes(1, seed=99)[0]
    planted = [flip_bits(hash, list(random.choice(256, bits, replace=False))) for bits in range(min(distance + 2, 257))]
    hashes = np.concatenate([make_hashes(count - len(planted)), planted])

    answer = find_by_index(HashIndex.of(hashes), hash, distance)

    assert answer == find_by_brute_force(hashes, hash, distance)
    assert answer[-1][0] == distance


@settings(max_examples=200, deadline=None)
@given(
    position=st.integers(0, MANY - 1),
    bits=st.lists(st.integers(0, 255), unique=True, max_size=70),
    distance=st.integers(0, 70),
)
def test_the_index_agrees_with_brute_force_for_any_bits(
    random_index: HashIndex, position: int, bits: list[int], distance: int
) -> None:
    hashes = random_index.words.view(np.uint8)
    hash = flip_bits(hashes[position], bits)

    assert find_by_index(random_index, hash, distance) == find_by_brute_force(hashes, hash, distance)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(0, 40), st.integers(0, 256))
def test_the_index_agrees_with_brute_force_on_duplicates(data: st.DataObject, count: int, distance: int) -> None:
    kinds = np.repeat(np.array([[0], [1], [255]], np.uint8), HASH_BYTES, axis=1)
    hashes = kinds[data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))]
    hash = kinds[data.draw(st.integers(0, 2))]

    assert find_by_index(HashIndex.of(hashes), hash, distance) == find_by_brute_force(hashes, hash, distance)


def test_every_copy_of_a_hash_is_found() -> None:
    hashes = np.repeat(make_hashes(1), MANY, axis=0)

    assert find_by_index(HashIndex.of(hashes), flip_bits(hashes[0], [3, 77]), 31) == [
        (2, position) for position in range(MANY)
    ]


@pytest.mark.parametrize("distance", [0, 31, 256])
def test_an_empty_index_finds_nothing(distance: int) -> None:
    assert find_by_index(HashIndex.of(make_hashes(0)), make_hashes(1)[0], distance) == []


@pytest.mark.parametrize(("distance", "expected"), [(0, []), (4, []), (5, [(5, 0)]), (31, [(5, 0)])])
def test_an_index_of_one_hash_finds_it_within_the_distance(distance: int, expected: list[tuple[int, int]]) -> None:
    hashes = make_hashes(1)

    assert find_by_index(HashIndex.of(hashes), flip_bits(hashes[0], [0, 50, 100, 150, 255]), distance) == expected


def test_the_nearest_come_first_and_ties_keep_list_order() -> None:
    hash = make_hashes(1)[0]
    hashes = np.array([flip_bits(hash, list(range(bits))) for bits in (7, 2, 9, 2, 0)])

    assert find_by_index(HashIndex.of(hashes), hash, 8) == [(0, 4), (2, 1), (2, 3), (7, 0)]
