"""The last judgements of one pipeline, with their precision, recall and confusion."""

from collections import Counter, OrderedDict
from collections.abc import Iterable

from service.monitoring.feedback.labels import ANSWER, NONE
from service.monitoring.feedback.types import CategoryFeedback, ConfusionCount, Judgement, LabelCounts, PipelineFeedback

UNKNOWN = "unknown"  # the right label, where the feedback does not tell


class JudgementWindow:
    """At most `size` judgements, one a result, in the order in which they were submitted."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._judgements: OrderedDict[str, Judgement] = OrderedDict()
        self._summary: PipelineFeedback | None = None

    def get(self, result_id: str) -> Judgement | None:
        return self._judgements.get(result_id)

    def add(self, judgement: Judgement) -> None:
        """Replaces an earlier judgement on the same result."""
        self._judgements.pop(judgement.result_id, None)
        self._judgements[judgement.result_id] = judgement
        if len(self._judgements) > self._size:
            self._judgements.popitem(last=False)
        self._summary = None

    def drop_before(self, at: float) -> None:
        while self._judgements and next(iter(self._judgements.values())).at < at:
            self._judgements.popitem(last=False)
            self._summary = None

    def summary(self) -> PipelineFeedback:
        if self._summary is None:
            self._summary = summarise(self._judgements.values())
        return self._summary


def summarise(judgements: Iterable[Judgement]) -> PipelineFeedback:
    """Precision: of the labels said, the share that was right. Recall: of the right labels, the share that was said.

    A wrong answer that nobody corrected lowers only precision.
    """
    verdicts: Counter[str] = Counter()
    said, expected, both = Counter[str](), Counter[str](), Counter[str]()
    pairs: Counter[tuple[str, str]] = Counter()
    for one in judgements:
        verdicts[one.verdict] += 1
        said.update(one.said)
        if one.expected is not None:
            expected.update(one.expected)
            both.update(Counter(one.said) & Counter(one.expected))
        pairs.update(_count_confusion(one.said, one.expected))
    return PipelineFeedback(
        judgements=verdicts.total(),
        right=verdicts["right"],
        wrong=verdicts["wrong"],
        categories=[
            _category_feedback(name, said[name], expected[name], both[name]) for name in sorted({*said, *expected})
        ],
        confusion=[
            ConfusionCount(said=one, expected=other, count=count) for (one, other), count in sorted(pairs.items())
        ],
    )  # fmt: skip


def _category_feedback(name: str, said: int, expected: int, both: int) -> CategoryFeedback:
    """A whole answer has no recall: there is no other label that it could have had."""
    recall = both / expected if expected and name != ANSWER else None
    return CategoryFeedback(category=name, precision=both / said if said else None, recall=recall, support=expected)


def _count_confusion(said: LabelCounts, expected: LabelCounts | None) -> Counter[tuple[str, str]]:
    """Pairs of a said and an expected label: those that agree, then each surplus label with each missing one."""
    if expected is None:
        return Counter({(name, UNKNOWN): count for name, count in said.items()})
    agreed = Counter(said) & Counter(expected)
    pairs = Counter({(name, name): count for name, count in agreed.items()})
    surplus, missing = Counter(said) - agreed, Counter(expected) - agreed
    for one in surplus or [NONE]:
        for other in missing or [NONE]:
            if one != other:
                pairs[one, other] += max(surplus[one], missing[other])
    return pairs
