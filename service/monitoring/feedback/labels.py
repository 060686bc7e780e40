"""From a record and feedback on it to labels that can be counted: those that were said, and those expected."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from pipelines.errors import RequestRejected
from pipelines.moderation.types import VERDICTS
from service.monitoring.audit.record import AuditRecord
from service.monitoring.feedback.types import ExpectedAnswer, FeedbackVerdict, LabelCounts

OTHER, NONE, ANSWER, FACE = "other", "none", "answer", "face"

LabelPair = tuple[LabelCounts, LabelCounts | None]


@dataclass(frozen=True, slots=True)
class KnownLabels:
    """The labels that are counted by name: the policy's categories, and the encoder's groups and labels."""

    categories: Collection[str]
    groups: Collection[str]
    group_of: Mapping[str, str]  # by label


def derive_labels(
    record: AuditRecord, pipeline: str, verdict: FeedbackVerdict, expected: ExpectedAnswer | None, known: KnownLabels
) -> LabelPair:
    """The labels that the answer said, and those that it should have said; None where the feedback does not tell.

    Raises RequestRejected for an expectation that contradicts the verdict, or does not suit the pipeline.
    """
    if verdict == "right":
        if expected is not None:
            raise RequestRejected("expected: what is right needs no other value")
        said = _answer_labels(record, pipeline)
        return said, said
    correct = _CORRECTIONS.get(pipeline, _correct_any)
    said, meant = correct(record, expected, known)
    if said == meant:
        raise RequestRejected(f"expected: {expected!r} is what was answered")
    return said, meant


def _answer_labels(record: AuditRecord, pipeline: str) -> LabelCounts:
    if pipeline == "moderation":
        return _one_each(_verdict(record), *_fired_categories(record))
    if pipeline == "features":
        return _one_each(*_best_label_and_group(record))
    return _recorded_face_labels(record) if pipeline == "faces" else {ANSWER: 1}


def _correct_moderation(record: AuditRecord, expected: ExpectedAnswer | None, known: KnownLabels) -> LabelPair:
    """An expected category tells nothing about the verdict, and an expected verdict nothing about categories; only
    `allow` tells that no category should have fired.
    """
    if expected is None:
        return _one_each(_verdict(record)), None
    if expected == "allow":
        return _one_each(_verdict(record), *_fired_categories(record)), _one_each("allow")
    if expected in VERDICTS:
        return _one_each(_verdict(record)), _one_each(str(expected))
    return _one_each(*(_fired_categories(record) or [NONE])), _one_each(_known_or_other(expected, known.categories))


def _correct_features(record: AuditRecord, expected: ExpectedAnswer | None, known: KnownLabels) -> LabelPair:
    label, group = _best_label_and_group(record)
    if expected is None:
        return _one_each(label), None
    if expected in known.groups:
        return _one_each(group), _one_each(str(expected))
    meant = _known_or_other(expected, known.group_of)
    return _one_each(label, group), _one_each(meant, known.group_of.get(meant, OTHER))


def _correct_faces(record: AuditRecord, expected: ExpectedAnswer | None, known: KnownLabels) -> LabelPair:
    if expected is None:
        return _one_each(*_recorded_face_labels(record)), None
    if not isinstance(expected, int):
        raise RequestRejected("expected: for faces, the number of faces")
    return _recorded_face_labels(record), _face_labels(expected)


def _correct_any(record: AuditRecord, expected: ExpectedAnswer | None, known: KnownLabels) -> LabelPair:
    return _one_each(ANSWER), None


_CORRECTIONS: dict[str, Callable[[AuditRecord, ExpectedAnswer | None, KnownLabels], LabelPair]] = {
    "moderation": _correct_moderation,
    "features": _correct_features,
    "faces": _correct_faces,
}


def _verdict(record: AuditRecord) -> str:
    assert record.moderation is not None
    return record.moderation.verdict


def _fired_categories(record: AuditRecord) -> list[str]:
    assert record.moderation is not None
    rules = record.moderation.rules
    return list(dict.fromkeys(one.category for one in rules if one.verdict != "allow" and one.category != "error"))


def _best_label_and_group(record: AuditRecord) -> tuple[str, str]:
    assert record.features is not None
    tags, groups = record.features.tags, record.features.groups
    return tags[0].label if tags else NONE, groups[0].group if groups else (tags[0].group or NONE) if tags else NONE


def _recorded_face_labels(record: AuditRecord) -> LabelCounts:
    assert record.faces is not None
    return _face_labels(record.faces.count)


def _face_labels(count: int) -> LabelCounts:
    return {FACE: count} if count else {NONE: 1}


def _known_or_other(expected: ExpectedAnswer, known: Collection[str]) -> str:
    return str(expected) if expected in known else OTHER


def _one_each(*names: str) -> LabelCounts:
    return dict.fromkeys(names, 1)
