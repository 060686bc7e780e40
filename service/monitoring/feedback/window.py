"""The last judgements of one pipeline, and what they come to."""

from collections import Counter, OrderedDict
from collections.abc import Iterable

from service.monitoring.feedback.labels import ANSWER, NONE
from service.monitoring.feedback.types import CategorySummary, Confusion, Judgement, Labels, PipelineSummary

UNKNOWN = "unknown"  # what would have been right, where nobody said


class Window:
    """At most `most` of them, one a result, by when each was given."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._judgements: OrderedDict[str, Judgement] = OrderedDict()
        self._summary: PipelineSummary | None = None

    def get(self, result_id: str) -> Judgement | None:
        return self._judgements.get(result_id)

    def add(self, judgement: Judgement) -> None:
        """In the place of an earlier one on the same result."""
        self._judgements.pop(judgement.result_id, None)
        self._judgements[judgement.result_id] = judgement
        if len(self._judgements) > self._most:
            self._judgements.popitem(last=False)
        self._summary = None

    def forget(self, before: float) -> None:
        while self._judgements and next(iter(self._judgements.values())).at < before:
            self._judgements.popitem(last=False)
            self._summary = None

    def summary(self) -> PipelineSummary:
        if self._summary is None:
            self._summary = summary_of(self._judgements.values())
        return self._summary


def summary_of(judgements: Iterable[Judgement]) -> PipelineSummary:
    """Precision: of what was said, the share that was right. Recall: of what would have been right, the share said.

    A wrong answer that nobody corrected counts against precision alone.
    """
    verdicts: Counter[str] = Counter()
    said, meant, both = Counter[str](), Counter[str](), Counter[str]()
    pairs: Counter[tuple[str, str]] = Counter()
    for one in judgements:
        verdicts[one.verdict] += 1
        said.update(one.said)
        if one.expected is not None:
            meant.update(one.expected)
            both.update(Counter(one.said) & Counter(one.expected))
        pairs.update(_confused(one.said, one.expected))
    return PipelineSummary(
        judgements=verdicts.total(),
        right=verdicts["right"],
        wrong=verdicts["wrong"],
        categories=[_category(name, said[name], meant[name], both[name]) for name in sorted({*said, *meant})],
        confusion=[
            Confusion(said=one, expected=other, count=count) for (one, other), count in sorted(pairs.items())
        ],
    )  # fmt: skip


def _category(name: str, said: int, meant: int, both: int) -> CategorySummary:
    """Of a whole answer there is no recall: nothing else could have been said."""
    recall = both / meant if meant and name != ANSWER else None
    return CategorySummary(category=name, precision=both / said if said else None, recall=recall, support=meant)


def _confused(said: Labels, expected: Labels | None) -> Counter[tuple[str, str]]:
    """What agrees, and every part of the rest of the one with every part of the rest of the other."""
    if expected is None:
        return Counter({(name, UNKNOWN): count for name, count in said.items()})
    agreed = Counter(said) & Counter(expected)
    pairs = Counter({(name, name): count for name, count in agreed.items()})
    too_much, too_little = Counter(said) - agreed, Counter(expected) - agreed
    for one in too_much or [NONE]:
        for other in too_little or [NONE]:
            if one != other:
                pairs[one, other] += max(too_much[one], too_little[other])
    return pairs
