"""Lists of known images: hashes with what they are called, where they come from, and how near is near enough."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from sys import intern
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import KernelSightError
from pipelines.moderation.hashes.index import BYTES, HashIndex

Kind = Literal["block", "allow"]
KINDS: tuple[Kind, ...] = ("block", "allow")

# Hashes of different images differ in 128 bits, give or take 8: nearer than this may be chance in a large list.
LARGEST_DISTANCE = 80


class HashListInvalid(KernelSightError):
    """Names the file, the line and the value."""

    code = "hash-list-invalid"


@dataclass(frozen=True, slots=True)
class Entry:
    """`distance` is its own limit in bits, where that is to be smaller than the limit for all."""

    hash: bytes
    label: str = ""
    source: str = ""
    distance: int | None = None

    def line(self) -> list[str]:
        """As a row of a list file; its columns are `COLUMNS`."""
        return [self.hash.hex(), self.label, self.source, "" if self.distance is None else str(self.distance)]


COLUMNS = ("hash", "label", "source", "distance")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that is sound and yet no entry: another kind of hash, or one that was withdrawn."""

    reason: str


@dataclass(frozen=True)
class HashList:
    """Entries by column, for there may be millions; `left_out` counts the lines that are no entries, by reason."""

    hashes: NDArray[np.uint8]  # (N, 32)
    labels: tuple[str, ...]
    sources: tuple[str, ...]
    limits: NDArray[np.int16]  # LARGEST_DISTANCE for entries without a limit of their own
    left_out: Mapping[str, int]

    @classmethod
    def of(cls, lines: Iterable[Entry | LeftOut]) -> "HashList":
        hashes, labels, sources, limits = bytearray(), [], [], []
        left_out: Counter[str] = Counter()
        for line in lines:
            if isinstance(line, LeftOut):
                left_out[line.reason] += 1
                continue
            hashes += line.hash
            labels.append(intern(line.label))
            sources.append(intern(line.source))
            limits.append(LARGEST_DISTANCE if line.distance is None else line.distance)
        return cls(
            np.frombuffer(bytes(hashes), np.uint8).reshape(-1, BYTES),
            tuple(labels),
            tuple(sources),
            np.array(limits, np.int16),
            dict(left_out),
        )

    def __len__(self) -> int:
        return len(self.labels)

    def entry(self, place: int) -> Entry:
        limit = int(self.limits[place])
        own = None if limit == LARGEST_DISTANCE else limit
        return Entry(self.hashes[place].tobytes(), self.labels[place], self.sources[place], own)

    @cached_property
    def version(self) -> str:
        """sha256 of the entries, in whatever order and form they came; two seconds for a million."""
        hashes = map(bytes.hex, map(bytes, self.hashes))
        lines = sorted(map(repr, zip(hashes, self.labels, self.sources, self.limits.tolist(), strict=True)))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that is near enough; `limit` is how far it might have been."""

    entry: Entry
    distance: int
    limit: int

    @property
    def score(self) -> float:
        """1 for an equal hash, falling to .5 at the limit."""
        return 1 - 0.5 * self.distance / self.limit if self.limit else 1.0


@dataclass(frozen=True)
class SearchableList:
    """A list with its index."""

    entries: HashList
    index: HashIndex
    version: str

    @classmethod
    def of(cls, entries: HashList) -> "SearchableList":
        return cls(entries, HashIndex.of(entries.hashes), entries.version)

    def matches(self, hashes: Iterable[bytes], distance: int) -> list[Match]:
        """Entries within `distance`, or their own limit if that is smaller, of any of `hashes`; best score first."""
        best: dict[int, Match] = {}
        for hash in hashes:
            found = self.index.within(hash, distance)
            for place, bits in zip(found.places.tolist(), found.distances.tolist(), strict=True):
                limit = min(distance, int(self.entries.limits[place]))
                if bits <= limit and (place not in best or bits < best[place].distance):
                    best[place] = Match(self.entries.entry(place), bits, limit)
        return sorted(best.values(), key=lambda match: (-match.score, match.distance))
