"""Signal "known": looks an image up in the lists of images that were blocked or allowed before."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.moderation.hashes.kinds import HASH_LIST_KINDS, HashListKind
from pipelines.moderation.hashes.lists import HashMatch, SearchableHashList
from pipelines.moderation.hashes.pdq import MAX_SIDE, MIN_QUALITY, compute_pdq
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

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


def _describe_match(kind: HashListKind, match: HashMatch) -> Evidence:
    source = f" from {match.entry.source}" if match.entry.source else ""
    return Evidence(
        what=match.entry.label or match.entry.hash.hex(),
        score=round(match.score, 6),
        detail=f"{kind} list, distance {match.distance} of at most {match.limit}{source}",
    )
