"""Writes the prompt: what was found, in the order in which a person would tell it, for a model that answers a user.

Only statements go into it: what is certain enough to be said, or what is said to be a guess. Scores, shares and
verdicts stay in the JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from pydantic import BaseModel

from pipelines.captioning.kinds.treatment import has_writing, should_look
from pipelines.counting import DEFAULT_PRECISION
from pipelines.types import Features, ImageInfo, KindName, PictureKind

PromptStyle = Literal["short", "full"]

ResultT = TypeVar("ResultT", bound=BaseModel)

# Of pages that were read, the words count and not the looks: a page looks like an envelope, a menu, a web site.
_LOOKS = frozenset({"objects", "faces", "features"})
_WORDS = frozenset({"text", "document"})

MANY = 5  # a number over this is told as "more than 5"

# What is in the picture, who, which kind of thing it is, what is written in it, and the rest.
_ORDER = ("objects", "faces", "features", "text", "document")


@dataclass(frozen=True)
class PromptContext:
    """The whole answer that a pipeline's statements are part of, so that they repeat and contradict nothing in it."""

    image: ImageInfo
    results: Mapping[str, BaseModel]
    style: PromptStyle = "short"
    precision: float = DEFAULT_PRECISION  # the share of statements that is to be right

    def find(self, kind: type[ResultT]) -> ResultT | None:
        """The result of this kind, where a pipeline gave one."""
        return next((one for one in self.results.values() if isinstance(one, kind)), None)

    @property
    def picture_kind(self) -> PictureKind | None:
        features = self.find(Features)
        return None if features is None else features.kind

    @property
    def shows_things(self) -> bool:
        """Whether detectors of things may be believed: they see books in receipts, and envelopes in letters."""
        return should_look(self.picture_kind)

    @property
    def has_writing(self) -> bool:
        return has_writing(self.picture_kind)


class Describer(Protocol):
    """The part of a pipeline that puts its result into words."""

    def describe(self, result: Any, context: PromptContext) -> str: ...


def write_prompt(context: PromptContext, pipelines: Mapping[str, Describer]) -> str:
    names = sorted(_choose_told(context), key=lambda name: (*_ORDER, name).index(name))
    parts = [pipelines[name].describe(context.results[name], context) for name in names]
    head = [] if context.image.has_pages and "document" in names else [_describe_image(context)]
    return "\n".join([*head, *filter(None, parts)])


def _choose_told(context: PromptContext) -> set[str]:
    names = set(context.results)
    return names - _LOOKS if context.image.has_pages and names & _WORDS else names


def _describe_image(context: PromptContext) -> str:
    image = context.image
    kind, parts = ("Document", "pages") if image.format == "PDF" else (_name_kind(context), "frames")
    details = f", {image.orientation}, {image.format}" if context.style == "full" else ""
    which = "first" if image.frame == 1 else f"number {image.frame}"
    frames = f", {which} of {image.frames} {parts}" if image.frames > 1 else ""
    return f"{kind}: {image.width} x {image.height} pixels{details}{frames}."


def _name_kind(context: PromptContext) -> str:
    kind = context.picture_kind
    if kind is None or kind.name is None:
        return "Picture with writing" if context.has_writing else "Image"
    return _KIND_WORDS[kind.name]


_KIND_WORDS: Mapping[KindName, str] = {
    "photo": "Photo",
    "screenshot": "Screenshot",
    "document": "Picture of a document or a board",
    "chart": "Chart or diagram",
    "drawing": "Drawing",
    "meme": "Picture with a caption (meme)",
    "map": "Map",
    "blank": "Blank image",
}
