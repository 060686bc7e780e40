"""The expected answers of a golden image, as `expected.json` states them, and how an answer is checked."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, Field

from pipelines.boxes import Box, intersection_over_union
from pipelines.captioning.spec import FEATURES
from pipelines.documents.spec import DOCUMENT
from pipelines.faces.spec import FACES
from pipelines.findings import Findings
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import Verdict
from pipelines.objects.spec import OBJECTS
from pipelines.registry import PIPELINES
from pipelines.text.spec import TEXT
from pipelines.types import KindName, WireModel

Score = Annotated[float, Field(ge=0, le=1)]

CANARY_OPTIONS: dict[str, BaseModel] = {
    name: spec.canary for name, spec in PIPELINES.items() if spec.canary is not None
}


class Expectation(WireModel):
    """The expected answer of one pipeline."""

    @abstractmethod
    def summarise(self, findings: Findings) -> str:
        """The answer in a few words: an answer flips when this changes."""

    @abstractmethod
    def find_mistakes(self, findings: Findings) -> Iterator[str]:
        """Everything in the answer that is not as expected, in words."""


class ScoreBounds(WireModel):
    at_least: Score = 0.0
    at_most: Score = 1.0


class ModerationExpectation(Expectation):
    """`scores` are bounds by signal, or by `signal.category`; they do not depend on the policy."""

    verdict: Verdict | None = None
    scores: dict[str, ScoreBounds] = Field(default_factory=dict)

    def summarise(self, findings: Findings) -> str:
        found = findings.of(MODERATION)
        return ": ".join([found.verdict, *filter(None, [", ".join(rule.rule for rule in found.rules)])])

    def find_mistakes(self, findings: Findings) -> Iterator[str]:
        found = findings.of(MODERATION)
        if self.verdict not in (None, found.verdict):
            yield f"{found.verdict} instead of {self.verdict}"
        for name, bounds in self.scores.items():
            signal, _, thing = name.partition(".")
            reading = found.signals.get(signal)
            score = None if reading is None else reading.scores.get(thing) if thing else reading.score
            if reading is not None and reading.error:
                yield f"{signal} could not judge: {reading.error}"
            elif score is None:
                yield f"there is no score {name}"
            elif not bounds.at_least <= score <= bounds.at_most:
                yield f"{name} is {score:.3f}, not {bounds.at_least:g} to {bounds.at_most:g}"


class FeaturesExpectation(Expectation):
    """`top`, `group` and `kind`: the best tag, the best group and the stated kind must be one of these."""

    top: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    kind: tuple[KindName, ...] = ()

    def summarise(self, findings: Findings) -> str:
        return next((tag.label for tag in findings.of(FEATURES).tags), "nothing")

    def find_mistakes(self, findings: Findings) -> Iterator[str]:
        found = findings.of(FEATURES)
        group = next((one.group for one in found.groups), "nothing")
        kind = (found.kind and found.kind.name) or "nothing"
        for thing, best, expected in (
            ("best tag", self.summarise(findings), self.top),
            ("best group", group, self.group),
            ("kind", kind, self.kind),
        ):
            if expected and best not in expected:
                yield f"the {thing} is {best}, not {' or '.join(expected)}"


class FacesExpectation(Expectation):
    """Each of `boxes` must match a face at an intersection over union of `iou` or more; further faces are allowed."""

    count: int | None = Field(default=None, ge=0)
    boxes: tuple[Box, ...] = ()
    iou: float = Field(default=0.5, gt=0, le=1)

    def summarise(self, findings: Findings) -> str:
        return f"faces: {findings.of(FACES).count}"

    def find_mistakes(self, findings: Findings) -> Iterator[str]:
        found = findings.of(FACES)
        if self.count not in (None, found.count):
            yield f"{found.count} faces instead of {self.count}"
        faces = [face.box for face in found.faces if face.is_face]
        for box in self.boxes:
            if max((intersection_over_union(box, face) for face in faces), default=0.0) < self.iou:
                yield f"no face at {', '.join(f'{edge:g}' for edge in box)}"


class ObjectsExpectation(Expectation):
    """`counts` are labels that must be stated with these numbers, `absent` labels that must not be stated."""

    counts: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    absent: tuple[str, ...] = ()

    def summarise(self, findings: Findings) -> str:
        return ", ".join(f"{label}: {count}" for label, count in sorted(findings.of(OBJECTS).counts.items())) or "none"

    def find_mistakes(self, findings: Findings) -> Iterator[str]:
        found = findings.of(OBJECTS).counts
        for label, count in self.counts.items():
            if found.get(label, 0) != count:
                yield f"{label}: {found.get(label, 0)} instead of {count}"
        yield from (f"there is said to be a {label}" for label in self.absent if label in found)


class TextExpectation(Expectation):
    """`contains` are words or phrases that are read in the picture; with `is_empty` there must be none at all."""

    contains: tuple[str, ...] = ()
    is_empty: bool = False

    def summarise(self, findings: Findings) -> str:
        return _collapse_spaces(" ".join(region.text for region in findings.of(TEXT).regions))

    def find_mistakes(self, findings: Findings) -> Iterator[str]:
        text = self.summarise(findings)
        if self.is_empty and text:
            yield f"there is said to be text: {text!r}"
        yield from (f"{words!r} is not in the text" for words in self.contains if _collapse_spaces(words) not in text)


class DocumentExpectation(Expectation):
    """`contains` are words or phrases of the text, `text` is the whole text. White space is ignored."""

    contains: tuple[str, ...] = ()
    text: str | None = None

    def summarise(self, findings: Findings) -> str:
        pages = findings.of(DOCUMENT).pages
        return _collapse_spaces(
            " ".join(line.text for page in pages for region in page.regions for line in region.lines)
        )

    def find_mistakes(self, findings: Findings) -> Iterator[str]:
        text = self.summarise(findings)
        if self.text is not None and text != _collapse_spaces(self.text):
            yield f"the text is {text!r}"
        yield from (f"{words!r} is not in the text" for words in self.contains if _collapse_spaces(words) not in text)


class ImageExpectations(WireModel):
    """The expectations of one image. A pipeline without an expectation is not run."""

    moderation: ModerationExpectation | None = None
    features: FeaturesExpectation | None = None
    faces: FacesExpectation | None = None
    objects: ObjectsExpectation | None = None
    text: TextExpectation | None = None
    document: DocumentExpectation | None = None

    @property
    def by_pipeline(self) -> dict[str, Expectation]:
        return {name: one for name in CANARY_OPTIONS if (one := getattr(self, name)) is not None}


def _collapse_spaces(text: str) -> str:
    return " ".join(text.split())
