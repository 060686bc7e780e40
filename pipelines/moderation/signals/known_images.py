"""Signal "known": is this one of the images that were blocked or allowed before?"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Picture
from pipelines.moderation.hashes.lists import KINDS, Kind, Match, SearchableList
from pipelines.moderation.hashes.pdq import HASHABLE, LARGEST, pdq
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

MOST_SHOWN = 10  # entries of each list: an image of a series may match hundreds

Lists = Mapping[Kind, SearchableList]


@dataclass(frozen=True)
class Known:
    """`lists` gives those of the moment; a kind that is not configured is not in it.

    `distance` is the limit in bits. With `dihedral`, turned and mirrored copies are found, too.
    """

    lists: Callable[[], Awaitable[Lists]]
    pool: CpuPool
    distance: int = 31
    dihedral: bool = False
    name: str = "known"

    @property
    def models(self) -> list[ModelUsed]:
        return []

    @property
    def shorter_side(self) -> int | None:
        return LARGEST

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """Scores `block` and `allow`: 1 for an equal hash, .5 for one at the limit, 0 for none. No lists, no scores."""
        lists = await self.lists()
        if not lists:
            return SignalResult.of({}, [Evidence(what="no lists are configured")], detector="pdq", version="no lists")
        return await self.pool.run(self._judge, picture, lists)

    def _judge(self, picture: Picture, lists: Lists) -> SignalResult:
        found = pdq(picture.pixels, picture.width, picture.height, dihedral=self.dihedral)
        version = ", ".join(f"{kind} {one.version[:12]}" for kind, one in lists.items())
        if not found.is_hashable:
            detail = f"PDQ quality {found.quality}, under {HASHABLE}: too little in it to be told from other images"
            evidence = [Evidence(what="not hashable", detail=detail)]
            return SignalResult.of(dict.fromkeys(KINDS, 0.0), evidence, detector="pdq", version=version)
        matches = {kind: one.matches(found.hashes, self.distance) for kind, one in lists.items()}
        scores: dict[str, float] = {kind: matches[kind][0].score if matches.get(kind) else 0.0 for kind in KINDS}
        evidence = [_evidence(kind, match) for kind, many in matches.items() for match in many[:MOST_SHOWN]]
        return SignalResult.of(scores, evidence, detector="pdq", version=version)


def _evidence(kind: Kind, match: Match) -> Evidence:
    source = f" from {match.entry.source}" if match.entry.source else ""
    return Evidence(
        what=match.entry.label or match.entry.hash.hex(),
        score=round(match.score, 6),
        detail=f"{kind} list, distance {match.distance} of at most {match.limit}{source}",
    )
