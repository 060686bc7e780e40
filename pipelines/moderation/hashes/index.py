"""Finds all hashes within a Hamming distance, out of millions: exactly, and without comparing each of them.

Multi-index hashing: Norouzi, Punjani, Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012
(our own code after the paper). A hash of 256 bits is 16 chunks of 16. Two hashes that differ in at most
d = 16 r + a bits (a < 16) agree, up to r bits, in one of the first a + 1 chunks, or up to r - 1 bits in one of
the others: they cannot differ in more everywhere. So the hashes are sorted by each of their chunks, and only
those that share such a chunk with the query are compared whole.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HASH_BYTES = 32
CHUNK_COUNT, CHUNK_BITS = 16, 16
CHUNK_VALUES = 1 << CHUNK_BITS

Words = NDArray[np.uint64]


class NearestHashes(NamedTuple):
    """`positions` are indices into the list that was indexed; nearest first, then in the list's order."""

    positions: NDArray[np.intp]
    distances: NDArray[np.uint16]


@dataclass(frozen=True)
class HashIndex:
    """`starts[c, v]` is where hashes whose chunk c is v begin in `order[c]`, which holds indices into `words`.

    It takes 100 bytes a hash, and 4 MB.
    """

    words: Words  # (N, 4)
    order: NDArray[np.uint32]  # (CHUNK_COUNT, N)
    starts: NDArray[np.uint32]  # (CHUNK_COUNT, CHUNK_VALUES + 1)

    @classmethod
    def of(cls, hashes: NDArray[np.uint8]) -> "HashIndex":
        """Index (N, 32) hashes: .1 s for 100,000, 1 s for a million."""
        hashes = np.ascontiguousarray(hashes)
        chunks = hashes.view(np.uint16).T  # (CHUNK_COUNT, N)
        order = np.empty(chunks.shape, np.uint32)
        starts = np.zeros((CHUNK_COUNT, CHUNK_VALUES + 1), np.uint32)
        for chunk, places, begins in zip(chunks, order, starts, strict=True):
            places[:] = np.argsort(chunk, kind="stable")
            np.cumsum(np.bincount(chunk, minlength=CHUNK_VALUES), out=begins[1:])
        return cls(hashes.view(np.uint64), order, starts)

    def __len__(self) -> int:
        return len(self.words)

    def find_within(self, hash: bytes, distance: int) -> NearestHashes:
        """Every indexed hash that differs from `hash` (32 bytes) in at most `distance` bits."""
        query = np.frombuffer(hash, np.uint64)
        radius, rest = divmod(distance, CHUNK_COUNT)
        probes = (rest + 1) * len(_list_masks(radius)) + (CHUNK_COUNT - rest - 1) * len(_list_masks(radius - 1))
        # Random reads cost more than a walk over all hashes: from an eighth of them on the walk is faster.
        if probes * (1 + len(self) / CHUNK_VALUES) > len(self) / 8:
            distances = _count_differing_bits(self.words, query)
            near = np.flatnonzero(distances <= distance)
            return _sort_nearest_first(near, distances[near])
        values = np.frombuffer(hash, np.uint16)
        candidates = np.concatenate(
            [
                self._find_sharing(chunk, values[chunk] ^ _list_masks(radius - (chunk > rest)))
                for chunk in range(CHUNK_COUNT)
            ]
        )
        distances = _count_differing_bits(self.words[candidates], query)
        near, first = np.unique(candidates[distances <= distance], return_index=True)
        return _sort_nearest_first(near.astype(np.intp), distances[distances <= distance][first])

    def _find_sharing(self, chunk: int, values: NDArray[np.uint16]) -> NDArray[np.uint32]:
        """Indices of the hashes that have one of `values` in this chunk."""
        begins = self.starts[chunk, values].astype(np.intp)
        counts = self.starts[chunk, values.astype(np.intp) + 1] - begins
        before = np.cumsum(counts) - counts
        # Consecutive numbers within each run: all runs at once, because most have only a few hashes.
        positions: NDArray[np.uint32] = self.order[chunk, np.arange(counts.sum()) + np.repeat(begins - before, counts)]
        return positions


def _sort_nearest_first(positions: NDArray[np.intp], distances: NDArray[np.uint16]) -> NearestHashes:
    nearest = np.argsort(distances, kind="stable")
    return NearestHashes(positions[nearest], distances[nearest])


def _count_differing_bits(words: Words, query: Words) -> NDArray[np.uint16]:
    """The number of bits in which each of (N, 4) differs from (4,)."""
    first, second, third, fourth = np.bitwise_count(words ^ query).T.astype(np.uint16)
    sums: NDArray[np.uint16] = first + second + third + fourth  # `sum` takes four times as long over so few columns
    return sums


@cache
def _list_masks(radius: int) -> NDArray[np.uint16]:
    """All 16-bit values with at most `radius` bits; none for a negative radius."""
    return np.array(
        [
            sum(1 << bit for bit in bits)
            for count in range(min(radius, CHUNK_BITS) + 1)
            for bits in combinations(range(CHUNK_BITS), count)
        ],
        np.uint16,
    )
