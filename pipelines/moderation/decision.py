"""Turns the results of signals into a verdict: a pure function, so that a stored answer can be decided again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pydantic import BaseModel

from pipelines.moderation.policy import Confirmation, Policy, Rule
from pipelines.moderation.signals.custom import CustomCategorySignal
from pipelines.moderation.signals.objects import ObjectsSignal, read_detected
from pipelines.moderation.types import VERDICTS, CategoryScore, FiredRule, InputType, Moderation, SignalResult, Verdict

PRESENT_SCORE = 0.5  # the score from which on a signal named under 'unless' or 'soften' counts


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    verdict: Verdict
    severity: int
    rules: list[FiredRule]
    actions: list[str]
    categories: dict[str, CategoryScore]


def decide(
    policy: Policy, results: Mapping[str, SignalResult], *, tenant: str | None = None, input_type: InputType = "image"
) -> PolicyDecision:
    """The strictest verdict of all rules that fire. A rule whose signal was not run does not fire.

    `severity` is that of the worst rule with that verdict, 0 when everything is allowed. Raises RequestRejected
    for a tenant that the policy lacks.
    """
    rules = policy.rules_for(tenant)
    fired = [*_find_fired(rules, results), *_list_failed(rules, results, policy.on_error_for(tenant))]
    verdict = pick_strictest(*(one.verdict for one in fired))
    decisive = [one.severity for one in fired if one.verdict == verdict]
    return PolicyDecision(
        verdict,
        max(decisive) if verdict != "allow" else 0,
        fired,
        list(dict.fromkeys(action for one in fired for action in one.actions)),
        _score_categories(rules, results, fired, input_type),
    )


def pick_strictest(*verdicts: Verdict) -> Verdict:
    """Allow when there are none."""
    return max(verdicts, key=VERDICTS.index, default="allow")


def get_score(name: str, results: Mapping[str, SignalResult]) -> float | None:
    """The score that a rule names as 'signal' or 'signal.score'; None when the signal was not run or failed.

    A score that a signal did not get to is 0.
    """
    signal, _, score = name.partition(".")
    result = results.get(signal)
    if result is None or _has_failed(name, result):
        return None
    return result.scores.get(score, 0.0) if score else result.score


def _has_failed(name: str, result: SignalResult) -> bool:
    """Also true for a score whose absence would pass everything: of a trained category that is gone or made for another
    encoder, and of things that no detector looked for.
    """
    signal, _, score = name.partition(".")
    is_trained = signal == CustomCategorySignal.name and bool(score)
    is_detected = signal == ObjectsSignal.name and score in read_detected()
    return result.error is not None or ((is_trained or is_detected) and score not in result.scores)


def _find_fired(rules: Mapping[str, Rule], results: Mapping[str, SignalResult]) -> Iterator[FiredRule]:
    for name, rule in rules.items():
        score = get_score(rule.signal, results)
        if score is None or _is_any_present(rule.unless, results):
            continue
        if (reached := _find_reached(rule, score, results)) is not None:
            verdict, threshold = reached
            yield FiredRule(
                rule=name, category=rule.category, signal=rule.signal, score=score, threshold=threshold,
                verdict=verdict, severity=rule.severity, actions=list(rule.actions),
            )  # fmt: skip


def _find_reached(rule: Rule, score: float, results: Mapping[str, SignalResult]) -> tuple[Verdict, float] | None:
    """The strictest threshold that `score` reaches. A block that is softened or not confirmed becomes a review."""
    if rule.block is not None and score >= rule.block:
        is_confirmed = all(_is_reached(one, results) for one in rule.confirm)
        is_sure = is_confirmed and not _is_any_present(rule.soften, results)
        return ("block" if is_sure else "review"), rule.block
    if rule.review is not None and score >= rule.review:
        return "review", rule.review
    if rule.allow is not None and score >= rule.allow:
        return "allow", rule.allow
    return None


def _is_reached(confirmation: Confirmation, results: Mapping[str, SignalResult]) -> bool:
    if confirmation.optional and confirmation.signal.partition(".")[0] not in results:
        return True
    return (get_score(confirmation.signal, results) or 0.0) >= confirmation.at


def _is_any_present(names: Iterable[str], results: Mapping[str, SignalResult]) -> bool:
    return any((get_score(name, results) or 0.0) >= PRESENT_SCORE for name in names)


def _list_failed(
    rules: Mapping[str, Rule], results: Mapping[str, SignalResult], verdict: Verdict
) -> Iterator[FiredRule]:
    """One for each score that a rule needs and that is missing because its signal failed."""
    for name in dict.fromkeys(rule.signal for rule in rules.values()):
        result = results.get(name.partition(".")[0])
        if result is not None and _has_failed(name, result):
            yield FiredRule(
                rule="on_error", category="error", signal=name, score=0.0, threshold=0.0, verdict=verdict, severity=0
            )


def _score_categories(
    rules: Mapping[str, Rule], results: Mapping[str, SignalResult], fired: list[FiredRule], input_type: InputType
) -> dict[str, CategoryScore]:
    """A category's first rule gives its score; a further one only where it fires and its score is higher.

    Scores of two signals are on two scales: one at .8 may mean less than another at .4.
    """
    scores: dict[str, float] = {}
    fired_names = {one.rule for one in fired}
    for name, rule in rules.items():
        if rule.openai is None or (score := get_score(rule.signal, results)) is None:
            continue
        if rule.openai not in scores or name in fired_names:
            scores[rule.openai] = max(score, scores.get(rule.openai, 0.0))
    flagged = {rules[one.rule].openai for one in fired if one.verdict != "allow" and one.rule in rules}
    return {
        name: CategoryScore(score=score, flagged=name in flagged, input_types=[input_type])
        for name, score in scores.items()
    }


def combine_moderations(parts: Sequence[Moderation]) -> Moderation:
    """One result for several images and texts that belong together: the strictest verdict, and all rules that fired.

    Of a signal that ran on several parts the highest result is shown, with the highest value of each score. All parts
    must come from one policy.
    """
    verdict = pick_strictest(*(part.verdict for part in parts))
    return parts[0].model_copy(
        update={
            "verdict": verdict,
            "severity": max(part.severity for part in parts if part.verdict == verdict),
            "rules": [rule for part in parts for rule in part.rules],
            "actions": list(dict.fromkeys(action for part in parts for action in part.actions)),
            "signals": _merge_signals(*(part.signals for part in parts)),
            "categories": reduce(_merge_categories, (part.categories for part in parts)),
        }
    )


def combine_views(parts: Sequence[Moderation], **verdicts: Sequence[BaseModel]) -> Moderation:
    """One result for several views, frames or pages of one upload: as `combine_moderations`, with each rule once.

    `verdicts` are those of the parts, by the name of their field.
    """
    whole = combine_moderations(parts)
    return whole.model_copy(update={"rules": _keep_strictest_rules(whole.rules), **verdicts})


def summarise_part(found: Moderation) -> dict[str, Any]:
    """The fields that the verdicts on all kinds of parts have."""
    return {
        "verdict": found.verdict,
        "severity": found.severity,
        "rules": list(dict.fromkeys(rule.rule for rule in found.rules)),
        "error": next((result.error for result in found.signals.values() if result.error is not None), None),
    }


def _keep_strictest_rules(rules: Iterable[FiredRule]) -> list[FiredRule]:
    """Each rule of each signal once, where it was strictest; the strictest are last."""
    strictest_last = sorted(rules, key=lambda rule: (VERDICTS.index(rule.verdict), rule.score))
    return list({(rule.rule, rule.signal): rule for rule in strictest_last}.values())


def _merge_signals(*several: Mapping[str, SignalResult]) -> dict[str, SignalResult]:
    names = dict.fromkeys(name for results in several for name in results)
    return {name: _merge_results([results[name] for results in several if name in results]) for name in names}


def _merge_results(results: Sequence[SignalResult]) -> SignalResult:
    best = max(results, key=lambda one: (one.error is None, one.score))
    names = dict.fromkeys(thing for one in results for thing in one.scores)
    scores = {thing: max(one.scores.get(thing, 0.0) for one in results) for thing in names}
    return best.model_copy(update={"scores": scores})


def _merge_categories(one: dict[str, CategoryScore], other: dict[str, CategoryScore]) -> dict[str, CategoryScore]:
    shared = {
        name: CategoryScore(
            score=max(one[name].score, other[name].score),
            flagged=one[name].flagged or other[name].flagged,
            input_types=sorted({*one[name].input_types, *other[name].input_types}),
        )
        for name in one.keys() & other.keys()
    }
    return one | other | shared
