"""Verdicts from readings: thresholds, confirmation, exemptions, failures, and deciding again from a record."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.moderation.decision import combined, decide
from pipelines.moderation.pipeline import judged
from pipelines.moderation.policy import load_policy
from pipelines.moderation.types import VERDICTS, Moderation, SignalResult
from tests.pipelines.moderation.readings import failed, policy, reading

NUDITY = {"signal": "nsfw", "review": 0.4, "block": 0.9, "severity": 4, "openai": "sexual"}


@pytest.mark.parametrize(
    ("score", "verdict", "severity"),
    [(0.0, "allow", 0), (0.399999, "allow", 0), (0.4, "review", 4), (0.899999, "review", 4), (0.9, "block", 4)],
)
def test_a_score_counts_from_its_threshold_on(score: float, verdict: str, severity: int) -> None:
    decision = decide(policy(nudity=NUDITY), {"nsfw": reading(score)})

    assert (decision.verdict, decision.severity) == (verdict, severity)


def test_the_strictest_rule_decides_and_the_worst_of_its_kind_gives_the_severity() -> None:
    rules = policy(
        mild={"signal": "objects.alcohol", "review": 0.5, "severity": 6},
        known={"signal": "known.block", "block": 0.5, "severity": 2},
        worse={"signal": "objects.weapon", "block": 0.5, "severity": 5},
    )

    decision = decide(rules, {"objects": reading(alcohol=0.7, weapon=0.8), "known": reading(block=1.0)})

    assert (decision.verdict, decision.severity, [one.rule for one in decision.rules]) == (
        "block",
        5,
        ["mild", "known", "worse"],
    )


def test_a_rule_that_only_notes_something_fires_without_changing_the_verdict() -> None:
    decision = decide(
        policy(gps={"signal": "file.gps", "allow": 1, "actions": ["sanitize"]}), {"file": reading(gps=1.0)}
    )

    assert (decision.verdict, decision.severity, decision.rules[0].verdict, decision.actions) == (
        "allow",
        0,
        "allow",
        ["sanitize"],
    )


@pytest.mark.parametrize(("tiles", "verdict"), [(0.7, "block"), (0.5, "block"), (0.49, "review"), (None, "review")])
def test_a_block_that_needs_confirmation_is_a_review_without_it(tiles: float | None, verdict: str) -> None:
    rule = {**NUDITY, "confirm": {"signal": "nsfw.tiles", "at": 0.5}}
    scores = {"whole": 0.95} if tiles is None else {"whole": 0.95, "tiles": tiles}

    assert decide(policy(nudity=rule), {"nsfw": reading(0.95, **scores)}).verdict == verdict


@pytest.mark.parametrize(("drawing", "verdict"), [(0.5, "review"), (0.49, "block")])
def test_a_softened_block_is_a_review(drawing: float, verdict: str) -> None:
    rules = policy(nudity={**NUDITY, "soften": ["objects.drawing"]})

    decision = decide(rules, {"nsfw": reading(0.95), "objects": reading(drawing=drawing)})

    assert decision.verdict == verdict


def test_a_known_good_image_is_exempt_from_the_rules_that_say_so_only() -> None:
    rules = policy(nudity={**NUDITY, "unless": ["known.allow"]}, weapon={"signal": "objects.weapon", "review": 0.5})

    decision = decide(rules, {"nsfw": reading(0.95), "known": reading(allow=0.9), "objects": reading(weapon=0.9)})

    assert [one.rule for one in decision.rules] == ["weapon"]


def test_signals_that_were_not_run_fire_nothing() -> None:
    assert decide(policy(nudity=NUDITY), {"objects": reading(weapon=1.0)}).rules == []


@pytest.mark.parametrize("on_error", VERDICTS)
def test_a_signal_that_could_not_judge_gets_the_verdict_that_the_policy_has_for_it(on_error: str) -> None:
    decision = decide(policy(on_error, nudity=NUDITY), {"nsfw": failed()})

    assert (decision.verdict, [(one.rule, one.signal) for one in decision.rules]) == (on_error, [("on_error", "nsfw")])


def test_a_trained_category_that_is_gone_does_not_let_everything_pass() -> None:
    rules = policy(knives={"signal": "custom.knives", "review": 0.5}, memes={"signal": "custom.memes", "block": 0.5})

    decision = decide(rules, {"custom": reading(memes=0.1)})

    assert [(one.rule, one.signal, one.verdict) for one in decision.rules] == [("on_error", "custom.knives", "review")]


def test_a_failed_signal_that_no_rule_needs_changes_nothing() -> None:
    assert decide(policy("block", nudity=NUDITY), {"nsfw": reading(0.1), "codes": failed()}).verdict == "allow"


def test_a_failed_exemption_exempts_nothing() -> None:
    rules = policy(nudity={**NUDITY, "unless": ["known.allow"]})

    assert decide(rules, {"nsfw": reading(0.95), "known": failed()}).verdict == "block"


def test_only_categories_that_something_judged_are_answered() -> None:
    rules = policy(nudity=NUDITY, gore={"signal": "gore", "openai": "violence/graphic", "review": 0.5})

    found = decide(rules, {"nsfw": reading(0.5)}).categories

    assert {name: (one.score, one.flagged, one.input_types) for name, one in found.items()} == {
        "sexual": (0.5, True, ["image"])
    }


def test_a_failed_signal_judges_no_category() -> None:
    assert decide(policy(nudity=NUDITY), {"nsfw": failed()}).categories == {}


def moderation(nsfw: float, **more: SignalResult) -> Moderation:
    return judged(policy(nudity=NUDITY), {"nsfw": reading(nsfw), **more}, None)


def test_parts_that_belong_together_get_the_strictest_verdict_and_the_highest_scores() -> None:
    one = combined([moderation(0.1), moderation(0.95), moderation(0.5)])

    assert (one.verdict, one.severity, one.signals["nsfw"].score, one.categories["sexual"].score, len(one.rules)) == (
        "block", 4, 0.95, 0.95, 2,
    )  # fmt: skip


def test_of_a_signal_that_judged_several_parts_each_thing_has_its_highest_score() -> None:
    rules = policy(arms={"signal": "objects.weapon", "review": 0.5})
    parts = [reading(alcohol=0.9, weapon=0.1), reading(weapon=0.6), failed()]

    one = combined([judged(rules, {"objects": part}, None) for part in parts])

    assert (one.signals["objects"].scores, one.signals["objects"].error) == ({"alcohol": 0.9, "weapon": 0.6}, None)
    assert (decide(rules, one.signals).verdict, one.verdict) == ("review", "review")


def test_text_and_image_of_one_category_are_both_named() -> None:
    rules = policy(nudity=NUDITY, words={"signal": "text.sexual", "openai": "sexual", "review": 0.5})
    text = judged(rules, {"text": reading(sexual=1.0)}, None, kind="text")
    image = judged(rules, {"nsfw": reading(0.1)}, None)

    found = combined([text, image]).categories["sexual"]

    assert (found.input_types, found.flagged, found.score) == (["image", "text"], True, 1.0)


SCORES = st.floats(0, 1).map(lambda score: round(score, 6))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(whole=SCORES, tiles=SCORES, weapon=SCORES, block=SCORES, allow=SCORES, fails=st.sets(st.sampled_from("nok")))
def test_a_decision_can_be_had_again_from_its_json_record(
    whole: float, tiles: float, weapon: float, block: float, allow: float, fails: set[str]
) -> None:
    rules = load_policy()
    readings: dict[str, SignalResult] = {
        "nsfw": failed() if "n" in fails else reading(whole, whole=whole, tiles=tiles),
        "objects": failed() if "o" in fails else reading(weapon=weapon),
        "known": failed() if "k" in fails else reading(block=block, allow=allow),
    }
    first = judged(rules, readings, None)

    record: dict[str, Any] = Moderation.model_validate_json(
        first.model_dump_json(exclude_none=True)[:-1] + ',"categories":{}}'
    ).model_dump()
    again = decide(rules, {name: SignalResult.model_validate(one) for name, one in record["signals"].items()})

    assert (again.verdict, again.severity, [one.model_dump() for one in again.rules]) == (
        record["verdict"],
        record["severity"],
        record["rules"],
    )
