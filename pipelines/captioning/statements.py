"""Says which kind of thing a picture shows, as far as the classifier may be believed.

ImageNet's classes are kinds of animals and things: no person, no party, no chart. Of pictures of people the classifier
names clothes and tools, mostly wrong ones. So it is believed about animals and things, where nothing contradicts it:

    the object detector found one such thing    its kind may be named: "The dog is of this kind: golden retriever."
    it found none, though it knows such things  only a very certain class is named
    people are in the picture                   only what stands beside people

Where no class is certain, what several classes have in common may be: "It shows an insect."
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import TypeGuard

from pipelines.captioning.detected_classes import detected_class, read_ranges
from pipelines.faces.types import Faces
from pipelines.objects.cross_check import choose_statements
from pipelines.objects.types import Objects, ObjectStatement
from pipelines.prompt import PromptContext
from pipelines.types import Appearance, Features, Tag

SORTS = Path(__file__).with_name("sorts.toml")

GUESSED = 0.7  # the probability from which on the best class is said to be a guess
GUESSED_SORT = 0.6  # the same of the sum over the classes of a sort
# Sorts and groups may be less probable than a class, because most wrong classes are of the right sort: of 199 pictures
# of ImageNet's, all sorts and groups that were stated or guessed were right.
SORT_SLACK = 0.1

# What the classifier sees on people, and in crowds.
_WORN_GROUPS = frozenset({"clothing", "medical", "person", "weapon", "household", "other", "document"})
# Groups whose name says something by itself.
_TELLING_GROUPS = {
    "animal": "an animal", "food": "food", "plant": "a plant", "vehicle": "a vehicle", "building": "a building",
    "instrument": "a musical instrument", "nature": "a landscape",
}  # fmt: skip

_EXPOSURES = {
    "normal": "is normally exposed",
    "dark": "is dark",
    "bright": "is very bright",
    "flat": "has almost no contrast",
}


def describe_things(result: Features, context: PromptContext) -> str:
    """One sentence about the picture's main thing; empty where nothing is certain enough."""
    stated = choose_statements(context)
    best = max(result.tags, key=lambda tag: tag.score, default=None)
    if best is None:
        return ""
    return _describe_class(best, stated, context) or _describe_sort(result, stated, context)


def _describe_class(best: Tag, stated: Sequence[ObjectStatement], context: PromptContext) -> str:
    detected = detected_class(best.wnid)
    if best.score < GUESSED:
        return ""
    if _is_stated(detected, stated):
        return _refine(best, detected, stated, is_certain=best.score >= _choose_cut(context.precision))
    if _shows_people(context):
        is_believed = best.score >= context.precision and best.group not in _WORN_GROUPS and detected is None
        return f"Also in it: {best.label}." if is_believed else ""
    if best.score >= _choose_cut(context.precision):
        return f"It shows: {best.label}."
    return f"It may show: {best.label} (a guess)." if detected is None or context.find(Objects) is None else ""


def describe_appearance(appearance: Appearance) -> str:
    """Focus, exposure and colours by their names."""
    focus = "" if appearance.exposure == "flat" else "looks blurred, " if appearance.is_blurred else "looks sharp, "
    colours = ", ".join(dict.fromkeys(colour.name for colour in appearance.colours))
    return f"It {focus}{_EXPOSURES[appearance.exposure]}. Colours: {colours}."


def _choose_cut(precision: float) -> float:
    """The probability from which on `precision` of the stated classes are right: they are above it, half as far from 1
    on average. .9 for a precision of .95.
    """
    return 2 * precision - 1


def _is_stated(detected: str | None, stated: Iterable[ObjectStatement]) -> TypeGuard[str]:
    return any(one.label == detected for one in stated)


def _refine(best: Tag, detected: str, stated: Iterable[ObjectStatement], *, is_certain: bool) -> str:
    """The kind of the one thing of its class; of several it could be any."""
    is_one = any(one.label == detected and one.count == 1 for one in stated)
    if not is_one or best.label in detected or best.label.startswith(detected):  # ski of skis, toilet seat of toilet
        return ""
    return f"The {detected} is {'' if is_certain else 'perhaps '}of this kind: {best.label}."


def _describe_sort(result: Features, stated: Sequence[ObjectStatement], context: PromptContext) -> str:
    """The sort or group of the best classes, where nobody and no such thing was stated."""
    labels = {one.label for one in stated}
    if _shows_people(context) or any(detected_class(tag.wnid) in labels for tag in result.tags):
        return ""
    sort, share = max(_sum_sorts(result.tags).items(), key=itemgetter(1), default=("", 0.0))
    cut = _choose_cut(context.precision) - SORT_SLACK
    if share >= cut:
        return f"It shows {sort}."
    group, group_share = max(((one.group, one.score) for one in result.groups), key=itemgetter(1), default=("", 0.0))
    name = _TELLING_GROUPS.get(group, "")
    if name and group_share >= cut:
        return f"It shows {name}, perhaps {sort}." if share >= GUESSED_SORT else f"It shows {name}."
    if share >= GUESSED_SORT:
        return f"It may show {sort} (a guess)."
    return f"It may show {name} (a guess)." if name and group_share >= GUESSED_SORT else ""


def _sum_sorts(tags: Iterable[Tag]) -> Mapping[str, float]:
    sums: dict[str, float] = {}
    for tag in tags:
        for name, first, last in _read_sorts():
            if first <= tag.wnid <= last:
                sums[name] = sums.get(name, 0.0) + tag.score
    return sums


@cache
def _read_sorts() -> tuple[tuple[str, str, str], ...]:
    return tuple(read_ranges(SORTS))


def _shows_people(context: PromptContext) -> bool:
    """Whether anybody may be in the picture: weak boxes count, and candidates for faces that are none do not."""
    objects, faces = context.find(Objects), context.find(Faces)
    has_person = objects is not None and any(one.label == "person" for one in objects.objects)
    return has_person or (faces is not None and any(face.is_face for face in faces.faces))
