"""Readings and a policy to a verdict: a pure function, so that a decision can be had again from its record."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pipelines.moderation.policy import Policy, Rule
from pipelines.moderation.types import VERDICTS, CategoryScore, FiredRule, InputType, Moderation, SignalResult, Verdict

PRESENT = 0.5  # the score from which on a signal named under 'unless' or 'soften' counts as there


@dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    severity: int
    rules: list[FiredRule]
    actions: list[str]
    categories: dict[str, CategoryScore]


def decide(
    policy: Policy, readings: Mapping[str, SignalResult], *, tenant: str | None = None, kind: InputType = "image"
) -> Decision:
    """The strictest verdict of all rules that fire. Rules of signals that were not run do not.

    `severity` is that of the worst rule with that verdict, 0 when everything is allowed. Raises RequestRejected
    for a tenant that the policy does not have.
    """
    rules = policy.rules_for(tenant)
    fired = [*_fired(rules, readings), *_failed(rules, readings, policy.on_error_for(tenant))]
    verdict = strictest(*(one.verdict for one in fired))
    decisive = [one.severity for one in fired if one.verdict == verdict]
    return Decision(
        verdict,
        max(decisive) if verdict != "allow" else 0,
        fired,
        list(dict.fromkeys(action for one in fired for action in one.actions)),
        _categories(rules, readings, fired, kind),
    )


def strictest(*verdicts: Verdict) -> Verdict:
    """The strictest of them; allow when there are none."""
    return max(verdicts, key=VERDICTS.index, default="allow")


def score_of(name: str, readings: Mapping[str, SignalResult]) -> float | None:
    """The score that a rule means by 'signal' or 'signal.thing'; None when the signal was not run or could not judge.

    A thing that a signal did not get to scores 0.
    """
    signal, _, thing = name.partition(".")
    reading = readings.get(signal)
    if reading is None or _could_not_judge(name, reading):
        return None
    return reading.scores.get(thing, 0.0) if thing else reading.score


def _could_not_judge(name: str, reading: SignalResult) -> bool:
    """Also for a trained category that is gone, or made for another encoder: its rule must not pass everything."""
    signal, _, thing = name.partition(".")
    return reading.error is not None or (signal == "custom" and bool(thing) and thing not in reading.scores)


def _fired(rules: Mapping[str, Rule], readings: Mapping[str, SignalResult]) -> Iterator[FiredRule]:
    for name, rule in rules.items():
        score = score_of(rule.signal, readings)
        if score is None or _any_present(rule.unless, readings):
            continue
        if (reached := _reached(rule, score, readings)) is not None:
            verdict, threshold = reached
            yield FiredRule(
                rule=name, category=rule.category, signal=rule.signal, score=score, threshold=threshold,
                verdict=verdict, severity=rule.severity, actions=list(rule.actions),
            )  # fmt: skip


def _reached(rule: Rule, score: float, readings: Mapping[str, SignalResult]) -> tuple[Verdict, float] | None:
    """The strictest threshold that `score` reaches. A block that is softened or not confirmed asks for review."""
    if rule.block is not None and score >= rule.block:
        confirmed = rule.confirm is None or (score_of(rule.confirm.signal, readings) or 0.0) >= rule.confirm.at
        is_sure = confirmed and not _any_present(rule.soften, readings)
        return ("block" if is_sure else "review"), rule.block
    if rule.review is not None and score >= rule.review:
        return "review", rule.review
    if rule.allow is not None and score >= rule.allow:
        return "allow", rule.allow
    return None


def _any_present(names: Iterable[str], readings: Mapping[str, SignalResult]) -> bool:
    return any((score_of(name, readings) or 0.0) >= PRESENT for name in names)


def _failed(rules: Mapping[str, Rule], readings: Mapping[str, SignalResult], verdict: Verdict) -> Iterator[FiredRule]:
    """One for each score that some rule needs and that could not be had."""
    for name in dict.fromkeys(rule.signal for rule in rules.values()):
        reading = readings.get(name.partition(".")[0])
        if reading is not None and _could_not_judge(name, reading):
            yield FiredRule(
                rule="on_error", category="error", signal=name, score=0.0, threshold=0.0, verdict=verdict, severity=0
            )


def _categories(
    rules: Mapping[str, Rule], readings: Mapping[str, SignalResult], fired: list[FiredRule], kind: InputType
) -> dict[str, CategoryScore]:
    scores: dict[str, float] = {}
    for rule in rules.values():
        if rule.openai is not None and (score := score_of(rule.signal, readings)) is not None:
            scores[rule.openai] = max(score, scores.get(rule.openai, 0.0))
    flagged = {rules[one.rule].openai for one in fired if one.verdict != "allow" and one.rule in rules}
    return {
        name: CategoryScore(score=score, flagged=name in flagged, input_types=[kind]) for name, score in scores.items()
    }


def combined(parts: Sequence[Moderation]) -> Moderation:
    """One result over several images and texts that belong together: the strictest verdict, everything that fired.

    Of a signal that judged several parts the highest reading is shown, with the highest score of each thing. All
    parts were judged by one policy.
    """
    verdict = strictest(*(part.verdict for part in parts))
    return parts[0].model_copy(
        update={
            "verdict": verdict,
            "severity": max(part.severity for part in parts if part.verdict == verdict),
            "rules": [rule for part in parts for rule in part.rules],
            "actions": list(dict.fromkeys(action for part in parts for action in part.actions)),
            "signals": _highest(*(part.signals for part in parts)),
            "categories": reduce(_both, (part.categories for part in parts)),
        }
    )


def _highest(*several: Mapping[str, SignalResult]) -> dict[str, SignalResult]:
    names = dict.fromkeys(name for readings in several for name in readings)
    return {name: _highest_of([readings[name] for readings in several if name in readings]) for name in names}


def _highest_of(readings: Sequence[SignalResult]) -> SignalResult:
    best = max(readings, key=lambda one: (one.error is None, one.score))
    things = dict.fromkeys(thing for one in readings for thing in one.scores)
    scores = {thing: max(one.scores.get(thing, 0.0) for one in readings) for thing in things}
    return best.model_copy(update={"scores": scores})


def _both(one: dict[str, CategoryScore], other: dict[str, CategoryScore]) -> dict[str, CategoryScore]:
    shared = {
        name: CategoryScore(
            score=max(one[name].score, other[name].score),
            flagged=one[name].flagged or other[name].flagged,
            input_types=sorted({*one[name].input_types, *other[name].input_types}),
        )
        for name in one.keys() & other.keys()
    }
    return one | other | shared
