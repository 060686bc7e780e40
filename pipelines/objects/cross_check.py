"""Checks what the detector states against what classifier and face detector saw in the same picture.

The detector knows 80 classes and takes what it does not know for one of them: a lizard for a bird, a disc brake for a
motorcycle. The classifier knows 1,000, among them 398 animals. So a label's chance falls with the share of classes that
exclude it, the more of the picture the thing takes; and it rises where the classifier sees a kind of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import exp, log

import numpy as np

from pipelines.captioning.detected_classes import detected_class
from pipelines.counting import state_number
from pipelines.faces.types import Faces
from pipelines.objects.types import Objects, ObjectStatement
from pipelines.prompt import PromptContext
from pipelines.types import Features, Tag

# Log odds: constant, the detector's own, and the weight of the classifier's shares. Fitted on 354 labels that the
# detector gave at .35 or more in 64 photographs of COCO and in 199 of ImageNet, one a class, each judged by looking.
# Of the stated ones among them, people and tables aside, .94 and .69 were right before; with each tenth of the pictures
# judged by constants from the others .98 and .98, at 84 % and 92 % of the right ones.
CONSTANT, DETECTED, SUPPORTING, OTHER_ANIMAL, OTHER_THING = -0.53, 1.08, 2.73, -5.1, -3.63
# Precisions, and the chances from which on a label is stated beside a classifier.
AGREED_FROM = ((0.8, 0.5), (0.9, 0.6), (0.95, 0.68), (0.99, 0.9))

_ANIMALS = frozenset(
    {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "teddy bear"}
)
# ImageNet has no people, and things stand on tables.
_BEYOND_CLASSIFIER = frozenset({"person", "dining table"})
_PLACES = frozenset({"building", "nature"})  # groups that exclude nothing: there are birds in a valley
_SMALLEST_ODDS = 1e-4


def choose_statements(context: PromptContext) -> list[ObjectStatement]:
    """The statements that nothing contradicts; at least as many people as faces, where the detector saw any people."""
    objects, features, faces = context.find(Objects), context.find(Features), context.find(Faces)
    if objects is None:
        return []
    tags = [] if features is None else [tag for tag in features.tags if tag.wnid]  # an operator's labels have none
    precisions, chances = zip(*AGREED_FROM, strict=True)
    agreed_from = np.interp(objects.precision, precisions, chances)
    agreed = [one for one in objects.statements if rate_agreement(one, tags) >= agreed_from]
    if faces is None or all(one.label != "person" for one in objects.objects):
        return agreed
    number, _ = state_number([face.score for face in faces.faces], context.precision)
    return list(_count_people(agreed, number)) if number else agreed


def rate_agreement(statement: ObjectStatement, tags: Sequence[Tag]) -> float:
    """The chance that the label is right, from the detector's and from the classifier's best classes."""
    if statement.label in _BEYOND_CLASSIFIER or not tags:
        return 1.0
    supporting = sum(tag.score for tag in tags if detected_class(tag.wnid) == statement.label)
    others = [tag for tag in tags if detected_class(tag.wnid) != statement.label]
    if statement.label in _ANIMALS:
        contrary = OTHER_ANIMAL * sum(tag.score for tag in others if tag.group == "animal")
    else:
        share = sum(tag.score for tag in others if tag.group not in _PLACES)
        contrary = OTHER_THING * share * statement.size**0.5
    odds = CONSTANT + DETECTED * _log_odds(statement.certainty) + SUPPORTING * supporting + contrary
    return 1 / (1 + exp(-odds))


def _log_odds(chance: float) -> float:
    bounded = min(max(chance, _SMALLEST_ODDS), 1 - _SMALLEST_ODDS)
    return log(bounded / (1 - bounded))


def _count_people(statements: Iterable[ObjectStatement], faces: int) -> Iterator[ObjectStatement]:
    """Two detectors saw them: `faces` beside a box of a person that is no statement by itself make it one."""
    people = ObjectStatement(label="person", count=faces, is_exact=False, certainty=1, size=0)
    has_people = False
    for one in statements:
        is_more = one.label == "person" and one.count < faces
        yield one.model_copy(update={"count": faces, "is_exact": False}) if is_more else one
        has_people = has_people or one.label == "person"
    if not has_people:
        yield people
