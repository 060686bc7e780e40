"""Reads labels.txt: what zero-shot tags may say, the sentences that stand for it, and when to say nothing.

# a comment
template: a photo of a {}.         every label becomes a sentence with each template; may be repeated
threshold: 0.5                     the probability from which a label is a tag
abstain: a photo of a wall         a sentence that competes with the labels, and is never a tag

[animals]                          the group of the labels that follow
dog
cat @ 0.8                          with a threshold of its own
husky = a sled dog; a grey wolf    with sentences of its own instead of the templates
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from models.errors import KernelSightError

DEFAULT_TEMPLATE = "a photo of a {}."
DEFAULT_THRESHOLD = 0.5
MAX_SENTENCES = 10_000  # each is a pass of the text tower at start
_PLACE = "{}"


class LabelsInvalid(KernelSightError):
    """The operator's file of labels cannot be used: the service does not start."""

    code = "labels-invalid"


@dataclass(frozen=True, slots=True)
class ZeroShotLabel:
    name: str
    group: str  # "" for none
    sentences: tuple[str, ...]
    threshold: float


@dataclass(frozen=True, slots=True)
class LabelFile:
    """`abstentions` are sentences that compete with the labels'."""

    labels: tuple[ZeroShotLabel, ...]
    abstentions: tuple[str, ...]


@dataclass(slots=True)
class _Entry:
    name: str
    group: str
    sentences: tuple[str, ...]
    threshold: float | None


@dataclass(slots=True)
class _Lines:
    """Everything that the lines so far have said."""

    templates: list[str] = field(default_factory=list)
    abstentions: list[str] = field(default_factory=list)
    threshold: float = DEFAULT_THRESHOLD
    group: str = ""
    entries: list[_Entry] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Raises ValueError."""
        key, colon, value = line.partition(":")
        value = value.strip()
        if line.startswith("[") and line.endswith("]"):
            self.group = line[1:-1].strip()
        elif not colon or key not in ("template", "threshold", "abstain"):
            self.entries.append(_parse_label(line, self.group))
        elif key == "threshold":
            self.threshold = _parse_threshold(value)
        elif not value:
            raise ValueError(f"{key}: a sentence is missing")
        elif key == "abstain":
            self.abstentions.append(value)
        elif _PLACE not in value:
            raise ValueError(f"a template has {_PLACE} where the label stands")
        else:
            self.templates.append(value)

    def labels(self) -> Iterator[ZeroShotLabel]:
        templates = self.templates or [DEFAULT_TEMPLATE]
        for one in self.entries:
            sentences = one.sentences or tuple(template.replace(_PLACE, one.name) for template in templates)
            threshold = self.threshold if one.threshold is None else one.threshold
            yield ZeroShotLabel(one.name, one.group, sentences, threshold)


def read_labels(path: Path) -> LabelFile:
    """Raises LabelsInvalid, with the number of the line."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeError) as cause:
        raise LabelsInvalid(f"the labels {str(path)!r} cannot be read: {cause}") from cause
    said = _Lines()
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line and not line.startswith("#"):
            try:
                said.add(line)
            except ValueError as cause:
                raise LabelsInvalid(f"{path.name!r}, line {number}: {cause}") from cause
    found = LabelFile(tuple(said.labels()), tuple(said.abstentions))
    if problem := _find_problem(found):
        raise LabelsInvalid(f"{path.name!r}: {problem}")
    return found


def _find_problem(found: LabelFile) -> str | None:
    names = [label.name for label in found.labels]
    if not names:
        return "it has no label"
    [(name, times)] = Counter(names).most_common(1)
    if times > 1:
        return f"the label {name!r} is there {times} times"
    if len(names) + len(found.abstentions) < 2:
        return "one label alone would always be right: add others, or a line 'abstain: …'"
    sentences = sum(len(label.sentences) for label in found.labels) + len(found.abstentions)
    return f"it makes {sentences} sentences; the limit is {MAX_SENTENCES}" if sentences > MAX_SENTENCES else None


def _parse_label(line: str, group: str) -> _Entry:
    """`name`, `name @ 0.8`, `name = sentence; sentence`, or `name @ 0.8 = sentence`."""
    head, equals, tail = line.partition("=")
    name, at, threshold = head.rpartition("@")
    name = (name if at else head).strip()
    sentences = tuple(one for one in map(str.strip, tail.split(";")) if one)
    if not name:
        raise ValueError("a label has no name")
    if equals and not sentences:
        raise ValueError(f"the label {name!r} has no sentence behind '='")
    return _Entry(name, group, sentences, _parse_threshold(threshold) if at else None)


def _parse_threshold(text: str) -> float:
    try:
        threshold = float(text)
    except ValueError:
        raise ValueError(f"a threshold is a number from 0 to 1, not {text.strip()!r}") from None
    if not 0 <= threshold <= 1:
        raise ValueError(f"a threshold is from 0 to 1, not {text.strip()}")
    return threshold
