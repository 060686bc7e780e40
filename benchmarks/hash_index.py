"""Measures queries of the hash index at full size, against comparing with every hash.

    python benchmarks/hash_index.py [--hashes 1000000] [--queries 2000] [--distance 31]

The hashes are random; every second query has a planted neighbour at up to `distance`. One core. Both ways take turns,
so that a machine whose speed drifts favours neither; CPU time is for machines that others use at the same time.
"""

import argparse
import os
from time import perf_counter, process_time

import numpy as np
from numpy.typing import NDArray

from pipelines.moderation.hashes.index import HASH_BYTES, HashIndex

BRUTE_EVERY = 20  # brute force is slow, so it takes part only in every twentieth query


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--distance", type=int, default=31)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    random = np.random.default_rng(0)
    hashes = random.integers(0, 256, (options.hashes, HASH_BYTES), np.uint8)
    started = perf_counter()
    index = HashIndex.of(hashes)
    built = perf_counter() - started
    size = index.words.nbytes + index.order.nbytes + index.starts.nbytes
    print(f"{len(index):,} hashes: built in {built:.2f} s, {size / 1e6:.0f} MB")
    fast, cpu, brute, missed = [], [], [], 0
    for number in range(options.queries):
        hash = random.integers(0, 256, HASH_BYTES, np.uint8)
        if number % 2:
            hash = _flip_bits(hashes[random.integers(len(hashes))], random.integers(options.distance + 1), random)
        started, busy = perf_counter(), process_time()
        found = index.find_within(hash.tobytes(), options.distance)
        fast.append(perf_counter() - started)
        cpu.append(process_time() - busy)
        if number % BRUTE_EVERY == 1:
            started = perf_counter()
            columns = np.bitwise_count(index.words ^ hash.view(np.uint64)).T.astype(np.uint16)
            near = np.flatnonzero(columns[0] + columns[1] + columns[2] + columns[3] <= options.distance)
            brute.append(perf_counter() - started)
            missed += len(np.setdiff1d(near, found.positions))
    for name, seconds in (("index", fast), ("index, CPU time", cpu), ("numpy brute force", brute)):
        p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
        print(f"{name:18s} p50 {p50:7.3f} ms   p99 {p99:7.3f} ms   over {len(seconds):,} queries")
    print(f"index is {np.median(brute) / np.median(fast):.0f} times as fast; neighbours missed: {missed}")


def _flip_bits(hash: NDArray[np.uint8], count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    bits = np.unpackbits(hash)
    bits[random.choice(len(bits), count, replace=False)] ^= 1
    return np.packbits(bits)


if __name__ == "__main__":
    main()
