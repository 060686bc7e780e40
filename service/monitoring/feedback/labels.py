"""From a record and what somebody says of it to categories that can be counted: those said, and those expected."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pipelines.errors import RequestRejected
from pipelines.moderation.types import VERDICTS
from service.monitoring.audit.record import Record
from service.monitoring.feedback.types import Expected, Labels, Said

OTHER, NONE, ANSWER, FACE = "other", "none", "answer", "face"

Pair = tuple[Labels, Labels | None]


@dataclass(frozen=True, slots=True)
class Known:
    """Every category that is counted under its own name: the policy's, and the encoder's groups and labels."""

    categories: Collection[str]
    groups: Collection[str]
    group_of: Mapping[str, str]  # by label


def labels_of(record: Record, pipeline: str, verdict: Said, expected: Expected | None, known: Known) -> Pair:
    """What the answer said, and what it should have; None where nobody says.

    Raises RequestRejected for an expectation that contradicts the verdict, or is none for this pipeline.
    """
    if verdict == "right":
        if expected is not None:
            raise RequestRejected("expected: what is right needs no other value")
        said = _right(record, pipeline)
        return said, said
    judge = _WRONG.get(pipeline, _of_a_whole)
    said, meant = judge(record, expected, known)
    if said == meant:
        raise RequestRejected(f"expected: {expected!r} is what was answered")
    return said, meant


def _right(record: Record, pipeline: str) -> Labels:
    if pipeline == "moderation":
        return _ones(_verdict(record), *_fired(record))
    if pipeline == "features":
        return _ones(*_kind(record))
    return _count(record) if pipeline == "faces" else {ANSWER: 1}


def _of_moderation(record: Record, expected: Expected | None, known: Known) -> Pair:
    """A category that is expected says nothing of the verdict, a verdict nothing of categories: but all is well says
    that none should have fired.
    """
    if expected is None:
        return _ones(_verdict(record)), None
    if expected == "allow":
        return _ones(_verdict(record), *_fired(record)), _ones("allow")
    if expected in VERDICTS:
        return _ones(_verdict(record)), _ones(str(expected))
    return _ones(*(_fired(record) or [NONE])), _ones(_named(expected, known.categories))


def _of_features(record: Record, expected: Expected | None, known: Known) -> Pair:
    label, group = _kind(record)
    if expected is None:
        return _ones(label), None
    if expected in known.groups:
        return _ones(group), _ones(str(expected))
    meant = _named(expected, known.group_of)
    return _ones(label, group), _ones(meant, known.group_of.get(meant, OTHER))


def _of_faces(record: Record, expected: Expected | None, known: Known) -> Pair:
    if expected is None:
        return _ones(*_count(record)), None
    if not isinstance(expected, int):
        raise RequestRejected("expected: of faces the number")
    return _count(record), _faces(expected)


def _of_a_whole(record: Record, expected: Expected | None, known: Known) -> Pair:
    return _ones(ANSWER), None


_WRONG: dict[str, Callable[[Record, Expected | None, Known], Pair]] = {
    "moderation": _of_moderation,
    "features": _of_features,
    "faces": _of_faces,
}


def _verdict(record: Record) -> str:
    assert record.moderation is not None
    return record.moderation.verdict


def _fired(record: Record) -> list[str]:
    assert record.moderation is not None
    rules = record.moderation.rules
    return list(dict.fromkeys(one.category for one in rules if one.verdict != "allow" and one.category != "error"))


def _kind(record: Record) -> tuple[str, str]:
    """The best label and the best group."""
    assert record.features is not None
    tags, groups = record.features.tags, record.features.groups
    return tags[0].label if tags else NONE, groups[0].group if groups else tags[0].group if tags else NONE


def _count(record: Record) -> Labels:
    assert record.faces is not None
    return _faces(record.faces.count)


def _faces(count: int) -> Labels:
    return {FACE: count} if count else {NONE: 1}


def _named(expected: Expected, known: Collection[str]) -> str:
    return str(expected) if expected in known else OTHER


def _ones(*names: str) -> Labels:
    return dict.fromkeys(names, 1)
