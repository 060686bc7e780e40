"""What must hold of an image's answers, by pipeline: what `expected.json` says, and how an answer is held to it."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, Field

from pipelines.captioning.pipeline import FeaturesOptions
from pipelines.documents.options import DocumentsOptions
from pipelines.faces.options import FacesOptions
from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.types import Verdict
from pipelines.types import Wire

Box = tuple[float, float, float, float]
Score = Annotated[float, Field(ge=0, le=1)]

OPTIONS: dict[str, BaseModel] = {
    "moderation": ModerationOptions(),
    "features": FeaturesOptions(embedding="none"),
    "faces": FacesOptions(),
    "document": DocumentsOptions(),
}


class Expectation(Wire):
    """Of one pipeline's answer."""

    @abstractmethod
    def answer(self, findings: Findings) -> str:
        """The answer in a few words: two that differ in this are a flip."""

    @abstractmethod
    def wrong(self, findings: Findings) -> Iterator[str]:
        """All that does not hold, in words."""


class Bounds(Wire):
    at_least: Score = 0.0
    at_most: Score = 1.0


class ModerationExpected(Expectation):
    """`scores` are bounds by signal, or by `signal.thing`: they hold whatever the policy makes of them."""

    verdict: Verdict | None = None
    scores: dict[str, Bounds] = Field(default_factory=dict)

    def answer(self, findings: Findings) -> str:
        found = findings.moderation
        assert found is not None
        return ": ".join([found.verdict, *filter(None, [", ".join(rule.rule for rule in found.rules)])])

    def wrong(self, findings: Findings) -> Iterator[str]:
        found = findings.moderation
        assert found is not None
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


class FeaturesExpected(Expectation):
    """The best tag, or the best group, is one of these."""

    top: tuple[str, ...] = ()
    group: tuple[str, ...] = ()

    def answer(self, findings: Findings) -> str:
        assert findings.features is not None
        return next((tag.label for tag in findings.features.tags), "nothing")

    def wrong(self, findings: Findings) -> Iterator[str]:
        found = findings.features
        assert found is not None
        group = next((one.group for one in found.groups), "nothing")
        for what, best, expected in (("tag", self.answer(findings), self.top), ("group", group, self.group)):
            if expected and best not in expected:
                yield f"the best {what} is {best}, not {' or '.join(expected)}"


class FacesExpected(Expectation):
    """`boxes`, each found at an intersection over union of `iou` or more; others may be found beside them."""

    count: int | None = Field(default=None, ge=0)
    boxes: tuple[Box, ...] = ()
    iou: float = Field(default=0.5, gt=0, le=1)

    def answer(self, findings: Findings) -> str:
        assert findings.faces is not None
        return f"faces: {findings.faces.count}"

    def wrong(self, findings: Findings) -> Iterator[str]:
        found = findings.faces
        assert found is not None
        if self.count not in (None, found.count):
            yield f"{found.count} faces instead of {self.count}"
        faces = [face.box for face in found.faces if face.is_face]
        for box in self.boxes:
            if max((overlap(box, face) for face in faces), default=0.0) < self.iou:
                yield f"no face at {', '.join(f'{edge:g}' for edge in box)}"


class DocumentExpected(Expectation):
    """`contains` are words or phrases of the text; `text` is all of it. Both without regard to white space."""

    contains: tuple[str, ...] = ()
    text: str | None = None

    def answer(self, findings: Findings) -> str:
        assert findings.document is not None
        pages = findings.document.pages
        return _spaced(" ".join(line.text for page in pages for region in page.regions for line in region.lines))

    def wrong(self, findings: Findings) -> Iterator[str]:
        text = self.answer(findings)
        if self.text is not None and text != _spaced(self.text):
            yield f"the text is {text!r}"
        yield from (f"{words!r} is not in the text" for words in self.contains if _spaced(words) not in text)


class Expected(Wire):
    """Of one image. What is not named is not asked."""

    moderation: ModerationExpected | None = None
    features: FeaturesExpected | None = None
    faces: FacesExpected | None = None
    document: DocumentExpected | None = None

    @property
    def by_pipeline(self) -> dict[str, Expectation]:
        return {name: one for name in OPTIONS if (one := getattr(self, name)) is not None}


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (_area(one) + _area(other) - shared)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _spaced(text: str) -> str:
    return " ".join(text.split())
