"""The consequences of a kind: screenshots and documents are read, photographs are looked at."""

import asyncio

from pipelines.run_context import RunContext
from pipelines.types import Features, KindName, PictureKind

SHARED_FEATURES = "features"  # their key among a request's shared work

ALWAYS_READ: frozenset[KindName] = frozenset({"screenshot", "document", "meme"})  # as a whole, where so stated
READ: frozenset[KindName] = frozenset({"screenshot", "document", "chart", "meme", "map"})  # text is part of the point
LOOKED_AT: frozenset[KindName] = frozenset({"photo", "meme", "drawing"})  # things and people are to be recognised

# Leaving out what a picture needs costs an answer, doing what it does not need only time.
LIKELY = 0.1
# Of 158 pictures of which no kind was certain, 53 reached this: all were pages, screens or charts.
SURE = 0.75


async def find_told_kind(context: RunContext) -> PictureKind | None:
    """The kind, where the request's features tell it: for pipelines that run beside them, once they have begun."""
    work: asyncio.Task[Features] | None = context.shared.get(SHARED_FEATURES)
    return None if work is None else (await work).kind


def should_read_all(kind: PictureKind | None) -> bool:
    """Whether the kind is stated, and all of such pictures is read, with or without signs of text."""
    return kind is not None and kind.name in ALWAYS_READ


def has_writing(kind: PictureKind | None) -> bool:
    """Whether the picture surely is of one of the kinds that are read, even where it is uncertain of which."""
    return kind is not None and (kind.name in READ or _sum_scores(kind, READ) >= SURE)


def should_look(kind: PictureKind | None) -> bool:
    """Whether classifiers and detectors of things may be believed. A kind that is unknown or uncertain says yes; of a
    page or a screen they see a book, a menu, a web site, however much it looks like a photograph.
    """
    return kind is None or (kind.name not in READ - LOOKED_AT and _sum_scores(kind, LOOKED_AT) >= LIKELY)


def is_page(kind: PictureKind | None) -> bool:
    """Whether it is surely a page or a screen, so that things seen in it are no facts."""
    return kind is not None and kind.name != "blank" and not should_look(kind)


def _sum_scores(kind: PictureKind, kinds: frozenset[KindName]) -> float:
    return sum(kind.scores[name] for name in kinds)
