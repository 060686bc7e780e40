"""All hashes within a Hamming distance, out of millions: exact, and without looking at each of them.

Multi-index hashing: Norouzi, Punjani, Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012
(our own code after the paper). A hash of 256 bits is 16 chunks of 16. Two hashes that differ in at most
d = 16 r + a bits (a < 16) agree, up to r bits, in one of the first a + 1 chunks, or up to r - 1 bits in one of
the others: they cannot differ in more everywhere. So the hashes are sorted by each of their chunks, and only
those are compared whole that share such a chunk with the one that is looked for.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BYTES = 32
CHUNKS, CHUNK_BITS = 16, 16
VALUES = 1 << CHUNK_BITS

Words = NDArray[np.uint64]


class Found(NamedTuple):
    """`places` are those of the hashes in the list that was indexed; nearest first, then in the list's order."""

    places: NDArray[np.intp]
    distances: NDArray[np.uint16]


@dataclass(frozen=True)
class HashIndex:
    """`starts[c, v]` is where hashes whose chunk c is v begin in `order[c]`, which holds places in `words`.

    100 bytes a hash, and 4 MB.
    """

    words: Words  # (N, 4)
    order: NDArray[np.uint32]  # (CHUNKS, N)
    starts: NDArray[np.uint32]  # (CHUNKS, VALUES + 1)

    @classmethod
    def of(cls, hashes: NDArray[np.uint8]) -> "HashIndex":
        """Index (N, 32) hashes: .1 s for 100,000, 1 s for a million."""
        hashes = np.ascontiguousarray(hashes)
        chunks = hashes.view(np.uint16).T  # (CHUNKS, N)
        order = np.empty(chunks.shape, np.uint32)
        starts = np.zeros((CHUNKS, VALUES + 1), np.uint32)
        for chunk, places, begins in zip(chunks, order, starts, strict=True):
            places[:] = np.argsort(chunk, kind="stable")
            np.cumsum(np.bincount(chunk, minlength=VALUES), out=begins[1:])
        return cls(hashes.view(np.uint64), order, starts)

    def __len__(self) -> int:
        return len(self.words)

    def within(self, hash: bytes, distance: int) -> Found:
        """Every indexed hash that differs from `hash` (32 bytes) in at most `distance` bits."""
        looked_for = np.frombuffer(hash, np.uint64)
        radius, rest = divmod(distance, CHUNKS)
        probes = (rest + 1) * len(_masks(radius)) + (CHUNKS - rest - 1) * len(_masks(radius - 1))
        # Random reads cost more than a walk over all: from an eighth of the hashes on the walk is faster.
        if probes * (1 + len(self) / VALUES) > len(self) / 8:
            distances = _differing(self.words, looked_for)
            near = np.flatnonzero(distances <= distance)
            return _nearest_first(near, distances[near])
        values = np.frombuffer(hash, np.uint16)
        candidates = np.concatenate(
            [self._sharing(chunk, values[chunk] ^ _masks(radius - (chunk > rest))) for chunk in range(CHUNKS)]
        )
        distances = _differing(self.words[candidates], looked_for)
        near, first = np.unique(candidates[distances <= distance], return_index=True)
        return _nearest_first(near.astype(np.intp), distances[distances <= distance][first])

    def _sharing(self, chunk: int, values: NDArray[np.uint16]) -> NDArray[np.uint32]:
        """Places of the hashes that have one of `values` in this chunk."""
        begins = self.starts[chunk, values].astype(np.intp)
        counts = self.starts[chunk, values.astype(np.intp) + 1] - begins
        before = np.cumsum(counts) - counts
        # Consecutive numbers within each run: all runs at once, for most are of a few hashes.
        places: NDArray[np.uint32] = self.order[chunk, np.arange(counts.sum()) + np.repeat(begins - before, counts)]
        return places


def _nearest_first(places: NDArray[np.intp], distances: NDArray[np.uint16]) -> Found:
    nearest = np.argsort(distances, kind="stable")
    return Found(places[nearest], distances[nearest])


def _differing(words: Words, looked_for: Words) -> NDArray[np.uint16]:
    """Bits in which each of (N, 4) differs from (4,)."""
    first, second, third, fourth = np.bitwise_count(words ^ looked_for).T.astype(np.uint16)
    sums: NDArray[np.uint16] = first + second + third + fourth  # `sum` takes four times as long over so few columns
    return sums


@cache
def _masks(radius: int) -> NDArray[np.uint16]:
    """All 16-bit values with at most `radius` bits; none for a negative radius."""
    return np.array(
        [
            sum(1 << bit for bit in bits)
            for count in range(min(radius, CHUNK_BITS) + 1)
            for bits in combinations(range(CHUNK_BITS), count)
        ],
        np.uint16,
    )
