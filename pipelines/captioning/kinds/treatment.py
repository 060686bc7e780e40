"""The consequences of a kind: screenshots and documents are read, photographs are looked at."""

from pipelines.types import KindName, PictureKind

READ: frozenset[KindName] = frozenset({"screenshot", "document", "chart", "meme", "map"})  # text is part of the point
LOOKED_AT: frozenset[KindName] = frozenset({"photo", "meme", "drawing"})  # things and people are to be recognised

# Leaving out what a picture needs costs an answer, doing what it does not need only time.
LIKELY = 0.1


def should_read(kind: PictureKind | None) -> bool:
    """Whether text in the picture is worth a search. A kind that is unknown or uncertain says yes."""
    return _is_likely(kind, READ)


def should_look(kind: PictureKind | None) -> bool:
    """Whether classifiers and detectors of things may be believed. A kind that is unknown or uncertain says yes."""
    return _is_likely(kind, LOOKED_AT)


def _is_likely(kind: PictureKind | None, kinds: frozenset[KindName]) -> bool:
    return kind is None or sum(kind.scores[name] for name in kinds) >= LIKELY
