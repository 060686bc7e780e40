"""Lists of known images: hashes with their labels, sources and distance limits."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from sys import intern

import numpy as np
from numpy.typing import NDArray

from models.errors import KernelSightError
from pipelines.moderation.hashes.index import HASH_BYTES, HashIndex
from pipelines.moderation.hashes.kinds import MAX_DISTANCE


class HashListInvalid(KernelSightError):
    """The message names the file, the line and the value."""

    code = "hash-list-invalid"


@dataclass(frozen=True, slots=True)
class HashEntry:
    """`distance` is a limit in bits for this entry alone, where it should be smaller than the limit for all."""

    hash: bytes
    label: str = ""
    source: str = ""
    distance: int | None = None

    def to_row(self) -> list[str]:
        """A row of a list file, whose columns are `CSV_COLUMNS`."""
        return [self.hash.hex(), self.label, self.source, "" if self.distance is None else str(self.distance)]


CSV_COLUMNS = ("hash", "label", "source", "distance")


@dataclass(frozen=True, slots=True)
class SkippedHash:
    """A valid line that is no entry: another kind of hash, or one that was withdrawn."""

    reason: str


@dataclass(frozen=True)
class HashList:
    """Entries by column, because there may be millions; `skipped` counts the lines that are no entries, by reason."""

    hashes: NDArray[np.uint8]  # (N, 32)
    labels: tuple[str, ...]
    sources: tuple[str, ...]
    limits: NDArray[np.int16]  # MAX_DISTANCE for entries without a limit of their own
    skipped: Mapping[str, int]

    @classmethod
    def of(cls, lines: Iterable[HashEntry | SkippedHash]) -> "HashList":
        hashes, labels, sources, limits = bytearray(), [], [], []
        skipped: Counter[str] = Counter()
        for line in lines:
            if isinstance(line, SkippedHash):
                skipped[line.reason] += 1
                continue
            hashes += line.hash
            labels.append(intern(line.label))
            sources.append(intern(line.source))
            limits.append(MAX_DISTANCE if line.distance is None else line.distance)
        return cls(
            np.frombuffer(bytes(hashes), np.uint8).reshape(-1, HASH_BYTES),
            tuple(labels),
            tuple(sources),
            np.array(limits, np.int16),
            dict(skipped),
        )

    def __len__(self) -> int:
        return len(self.labels)

    def get_entry(self, position: int) -> HashEntry:
        limit = int(self.limits[position])
        distance = None if limit == MAX_DISTANCE else limit
        return HashEntry(self.hashes[position].tobytes(), self.labels[position], self.sources[position], distance)

    @cached_property
    def version(self) -> str:
        """sha256 of the entries, whatever their order and form; takes two seconds for a million."""
        hashes = map(bytes.hex, map(bytes, self.hashes))
        lines = sorted(map(repr, zip(hashes, self.labels, self.sources, self.limits.tolist(), strict=True)))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class HashMatch:
    """An entry within `limit` bits of the hash that was looked up."""

    entry: HashEntry
    distance: int
    limit: int

    @property
    def score(self) -> float:
        """1 for an equal hash, falling to .5 at the limit."""
        return 1 - 0.5 * self.distance / self.limit if self.limit else 1.0


@dataclass(frozen=True)
class SearchableHashList:
    """A list with its index."""

    entries: HashList
    index: HashIndex
    version: str

    @classmethod
    def of(cls, entries: HashList) -> "SearchableHashList":
        return cls(entries, HashIndex.of(entries.hashes), entries.version)

    def find_matches(self, hashes: Iterable[bytes], distance: int) -> list[HashMatch]:
        """Entries within `distance` of any of `hashes`, or within their own smaller limit; best score first."""
        best: dict[int, HashMatch] = {}
        for hash in hashes:
            nearest = self.index.find_within(hash, distance)
            for position, bits in zip(nearest.positions.tolist(), nearest.distances.tolist(), strict=True):
                limit = min(distance, int(self.entries.limits[position]))
                if bits <= limit and (position not in best or bits < best[position].distance):
                    best[position] = HashMatch(self.entries.get_entry(position), bits, limit)
        return sorted(best.values(), key=lambda match: (-match.score, match.distance))
