"""Says which kind of thing a picture shows, as far as the classifier may be believed.

ImageNet's classes are kinds of animals and things: no person, no party, no chart. Of pictures of people the classifier
names clothes and tools, mostly wrong ones. So it is believed about animals and things, where nothing contradicts it:

    the object detector found such a thing      its kind may be named: "The dog is probably a golden retriever."
    it did not, though it knows such things     the classifier is wrong
    it does not know such things                they may be named
    people are in the picture                   only what stands beside people
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from pipelines.faces.types import Faces
from pipelines.objects.types import Objects
from pipelines.prompt import PromptContext
from pipelines.types import Appearance, Features, Tag

# The probability from which on the best class is stated, and from which on it is said to be a guess.
STATED, GUESSED = 0.9, 0.7
STATED_BESIDE_PEOPLE = 0.95
STATED_GROUP = 0.9

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
    best = max(result.tags, key=lambda tag: tag.score, default=None)
    found = context.find(Objects)
    if best is None or best.score < GUESSED:
        return _describe_group(result, context) if found is None or not found.counts else ""
    detected = detected_class(best.wnid)
    if found is not None and detected is not None:
        return _refine(best, detected, found)
    if _shows_people(context):
        is_believed = best.score >= STATED_BESIDE_PEOPLE and best.group not in _WORN_GROUPS
        return f"Also in it: {best.label}." if is_believed else ""
    if best.score >= STATED:
        return f"It shows: {best.label}."
    return f"It may show: {best.label} (a guess)."


def describe_appearance(appearance: Appearance) -> str:
    """Focus, exposure and colours by their names."""
    focus = "" if appearance.exposure == "flat" else "looks blurred, " if appearance.is_blurred else "looks sharp, "
    colours = ", ".join(dict.fromkeys(colour.name for colour in appearance.colours))
    return f"It {focus}{_EXPOSURES[appearance.exposure]}. Colours: {colours}."


def _refine(best: Tag, detected: str, found: Objects) -> str:
    """The kind of the one thing of its class; of several it could be any."""
    if found.counts.get(detected) != 1 or best.label == detected:
        return ""
    return f"The {detected} is {'' if best.score >= STATED else 'perhaps '}of this kind: {best.label}."


def _describe_group(result: Features, context: PromptContext) -> str:
    group = next((one.group for one in result.groups if one.score >= STATED_GROUP), "")
    return f"It shows {_TELLING_GROUPS[group]}." if group in _TELLING_GROUPS and not _shows_people(context) else ""


def _shows_people(context: PromptContext) -> bool:
    objects, faces = context.find(Objects), context.find(Faces)
    has_person = objects is not None and any(one.label == "person" for one in objects.objects)
    return has_person or (faces is not None and bool(faces.faces))


def detected_class(wnid: str) -> str | None:
    """The detector's class that an ImageNet class is a kind of; None where it has none."""
    return next((name for name, first, last in _read_classes() if first <= wnid <= last), None)


@cache
def _read_classes() -> tuple[tuple[str, str, str], ...]:
    text = Path(__file__).with_name("detected_classes.toml").read_text("utf-8")
    return tuple(_list_ranges(tomllib.loads(text)))


def _list_ranges(classes: Mapping[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    for name, entries in classes.items():
        for entry in entries:
            first, _, last = entry.partition("-")
            yield name, first, last or first
