"""Signal "known": looks an image up in the lists of images that were blocked or allowed before."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.image.frame_views import FrameViews
from pipelines.moderation.hashes.kinds import HASH_LIST_KINDS, HashListKind
from pipelines.moderation.hashes.lists import HashMatch, SearchableHashList
from pipelines.moderation.hashes.pdq import MAX_SIDE, MIN_QUALITY, compute_pdq, hash_frequencies
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

SCREEN_MARGIN = 16  # bits that a quick hash of a frame may be further away than the exact one
MAX_SHOWN = 10  # entries of each list: an image of a series may match hundreds

HashLists = Mapping[HashListKind, SearchableHashList]


@dataclass(frozen=True)
class KnownImageSignal:
    """`lists` gives the lists that are in force now; a kind that is not configured is not among them.

    `distance` is the limit in bits. With `dihedral`, turned and mirrored copies are found as well.
    """

    lists: Callable[[], Awaitable[HashLists]]
    pool: CpuPool
    distance: int = 31
    dihedral: bool = False
    name: ClassVar[str] = "known"

    @classmethod
    def score_names(cls) -> ScoreNames:
        return HASH_LIST_KINDS

    @property
    def models(self) -> list[ModelUsed]:
        return []

    @property
    def shorter_side(self) -> int | None:
        return MAX_SIDE

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """`block` and `allow` score 1 for an equal hash, .5 for one at the limit, 0 for none. No lists, no scores."""
        lists = await self.lists()
        if not lists:
            return SignalResult.of({}, [Evidence(what="no lists are configured")], detector="pdq", version="no lists")
        return await self.pool.run(self._search, picture, lists)

    def _search(self, picture: Picture, lists: HashLists) -> SignalResult:
        pdq = compute_pdq(picture.pixels, picture.width, picture.height, dihedral=self.dihedral)
        version = ", ".join(f"{kind} {one.version[:12]}" for kind, one in lists.items())
        if not pdq.is_hashable:
            detail = f"PDQ quality {pdq.quality}, under {MIN_QUALITY}: too little in it to be told from other images"
            evidence = [Evidence(what="not hashable", detail=detail)]
            return SignalResult.of(dict.fromkeys(HASH_LIST_KINDS, 0.0), evidence, detector="pdq", version=version)
        matches = {kind: one.find_matches(pdq.hashes, self.distance) for kind, one in lists.items()}
        scores: dict[str, float] = {
            kind: matches[kind][0].score if matches.get(kind) else 0.0 for kind in HASH_LIST_KINDS
        }
        evidence = [_describe_match(kind, match) for kind, many in matches.items() for match in many[:MAX_SHOWN]]
        return SignalResult.of(scores, evidence, detector="pdq", version=version)

    async def screen(self, views: FrameViews, first: int) -> list[int]:
        blocked = (await self.lists()).get("block")
        return await self.pool.run(self._find_listed, views, first, blocked) if blocked else []

    def _find_listed(self, views: FrameViews, first: int, blocked: SearchableHashList) -> list[int]:
        """One frame for each entry, the nearest; the nearest of all first."""
        nearest: dict[int, tuple[int, int]] = {}
        for number in _list_different(views.frequencies):
            if number == first or views.qualities[number] < MIN_QUALITY:
                continue
            for hash in hash_frequencies(views.frequencies[number], dihedral=self.dihedral):
                found = blocked.index.find_within(hash, self.distance + SCREEN_MARGIN)
                for entry, bits in zip(found.positions.tolist(), found.distances.tolist(), strict=True):
                    nearest[entry] = min(nearest.get(entry, (bits, number)), (bits, number))
        return list(dict.fromkeys(number for _, number in sorted(nearest.values())))


def _list_different(frequencies: NDArray[np.float32]) -> list[int]:
    """The first frame of each kind: many animations repeat pictures."""
    return list({one.tobytes(): number for number, one in reversed(list(enumerate(frequencies)))}.values())


def _describe_match(kind: HashListKind, match: HashMatch) -> Evidence:
    source = f" from {match.entry.source}" if match.entry.source else ""
    return Evidence(
        what=match.entry.label or match.entry.hash.hex(),
        score=round(match.score, 6),
        detail=f"{kind} list, distance {match.distance} of at most {match.limit}{source}",
    )
