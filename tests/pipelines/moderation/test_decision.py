"""Verdicts from results: thresholds, confirmation, exemptions, failures, and deciding again from a record."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.moderation.decision import combine_moderations, decide
from pipelines.moderation.pipeline import apply_policy
from pipelines.moderation.policy_file import load_policy
from pipelines.moderation.types import VERDICTS, Moderation, SignalResult
from tests.pipelines.moderation.signal_results import failed_result, make_policy, signal_result

NUDITY = {"signal": "nsfw", "review": 0.4, "block": 0.9, "severity": 4, "openai": "sexual"}


@pytest.mark.parametrize(
    ("score", "verdict", "severity"),
    [(0.0, "allow", 0), (0.399999, "allow", 0), (0.4, "review", 4), (0.899999, "review", 4), (0.9, "block", 4)],
)
def test_a_rule_fires_from_its_threshold_on(score: float, verdict: str, severity: int) -> None:
    decision = decide(make_policy(nudity=NUDITY), {"nsfw": signal_result(score)})

    assert decision.verdict == verdict
    assert decision.severity == severity


def test_the_severity_is_the_worst_of_the_strictest_rules() -> None:
    rules = make_policy(
        mild={"signal": "objects.alcohol", "review": 0.5, "severity": 6},
        known={"signal": "known.block", "block": 0.5, "severity": 2},
        worse={"signal": "objects.weapon", "block": 0.5, "severity": 5},
    )

    decision = decide(rules, {"objects": signal_result(alcohol=0.7, weapon=0.8), "known": signal_result(block=1.0)})

    assert [one.rule for one in decision.rules] == ["mild", "known", "worse"]
    assert decision.verdict == "block"
    assert decision.severity == 5


def test_an_allow_rule_fires_without_changing_the_verdict() -> None:
    decision = decide(
        make_policy(gps={"signal": "file.gps", "allow": 1, "actions": ["sanitize"]}), {"file": signal_result(gps=1.0)}
    )

    assert decision.verdict == "allow"
    assert decision.severity == 0
    assert decision.rules[0].verdict == "allow"
    assert decision.actions == ["sanitize"]


@pytest.mark.parametrize(("tiles", "verdict"), [(0.7, "block"), (0.5, "block"), (0.49, "review"), (None, "review")])
def test_an_unconfirmed_block_is_a_review(tiles: float | None, verdict: str) -> None:
    rule = {**NUDITY, "confirm": {"signal": "nsfw.tiles", "at": 0.5}}
    scores = {"whole": 0.95} if tiles is None else {"whole": 0.95, "tiles": tiles}

    assert decide(make_policy(nudity=rule), {"nsfw": signal_result(0.95, **scores)}).verdict == verdict


SECOND_OPINION = {"signal": "nsfw_classes", "at": 0.5, "optional": True}


@pytest.mark.parametrize(
    ("tiles", "classes", "verdict"), [(0.5, 0.5, "block"), (0.4, 0.5, "review"), (0.5, 0.4, "review")]
)
def test_several_confirmations_are_all_needed_for_a_block(tiles: float, classes: float, verdict: str) -> None:
    rule = {**NUDITY, "confirm": [{"signal": "nsfw.tiles", "at": 0.5}, {"signal": "nsfw_classes", "at": 0.5}]}
    results = {"nsfw": signal_result(0.95, tiles=tiles), "nsfw_classes": signal_result(classes)}

    assert decide(make_policy(nudity=rule), results).verdict == verdict


def test_an_optional_confirmation_is_no_condition_where_its_signal_did_not_run() -> None:
    rules = make_policy(nudity={**NUDITY, "confirm": SECOND_OPINION})

    assert decide(rules, {"nsfw": signal_result(0.95)}).verdict == "block"


def test_an_optional_confirmation_that_failed_confirms_nothing() -> None:
    rules = make_policy(nudity={**NUDITY, "confirm": SECOND_OPINION})

    assert decide(rules, {"nsfw": signal_result(0.95), "nsfw_classes": failed_result()}).verdict == "review"


def judge(nsfw: float, **classes: float) -> Moderation:
    """By the built-in policy: OpenNSFW's score, and the classes of the second opinion where it ran."""
    results = {"nsfw": signal_result(nsfw, whole=nsfw, tiles=nsfw)}
    if classes:
        explicit = classes.get("porn", 0.0) + classes.get("hentai", 0.0)
        results["nsfw_classes"] = signal_result(**classes).model_copy(update={"score": explicit})
    return apply_policy(load_policy(), results, None)


@pytest.mark.parametrize(
    ("nsfw", "classes", "verdict"),
    [
        (0.95, {"porn": 0.6}, "block"),
        (0.95, {"hentai": 0.4, "porn": 0.2}, "block"),
        (0.95, {"sexy": 0.9}, "review"),
        (0.95, {"drawing": 0.9}, "review"),
        (0.85, {"neutral": 0.99}, "review"),
        (0.7, {"neutral": 0.6}, "allow"),
        (0.7, {"neutral": 0.4, "sexy": 0.6}, "review"),
        (0.3, {"porn": 0.9}, "allow"),
        (0.01, {"porn": 0.5, "hentai": 0.46}, "review"),
        (0.39, {"sexy": 0.99}, "allow"),
    ],
)
def test_the_built_in_policy_weighs_both_opinions(nsfw: float, classes: dict[str, float], verdict: str) -> None:
    assert judge(nsfw, **classes).verdict == verdict


@pytest.mark.parametrize(
    ("nsfw", "verdict"), [(0.39, "allow"), (0.4, "review"), (0.85, "review"), (0.89, "review"), (0.9, "block")]
)
def test_without_a_second_opinion_the_first_one_decides(nsfw: float, verdict: str) -> None:
    assert judge(nsfw).verdict == verdict


def test_a_category_has_the_score_of_its_first_rule() -> None:
    found = judge(0.1, porn=0.9).categories["sexual"]

    assert (found.score, found.flagged) == (0.1, False)


def test_a_further_rule_that_fires_raises_its_categorys_score() -> None:
    found = judge(0.1, porn=0.97).categories["sexual"]

    assert (found.score, found.flagged) == (0.97, True)


@pytest.mark.parametrize(("drawing", "verdict"), [(0.5, "review"), (0.49, "block")])
def test_a_softened_block_is_a_review(drawing: float, verdict: str) -> None:
    rules = make_policy(nudity={**NUDITY, "soften": ["objects.drawing"]})

    decision = decide(rules, {"nsfw": signal_result(0.95), "objects": signal_result(drawing=drawing)})

    assert decision.verdict == verdict


def test_unless_exempts_an_image_from_its_own_rule_only() -> None:
    rules = make_policy(
        nudity={**NUDITY, "unless": ["known.allow"]}, weapon={"signal": "objects.weapon", "review": 0.5}
    )

    decision = decide(
        rules, {"nsfw": signal_result(0.95), "known": signal_result(allow=0.9), "objects": signal_result(weapon=0.9)}
    )

    assert [one.rule for one in decision.rules] == ["weapon"]


def test_a_rule_of_a_signal_that_was_not_run_does_not_fire() -> None:
    assert decide(make_policy(nudity=NUDITY), {"objects": signal_result(weapon=1.0)}).rules == []


@pytest.mark.parametrize("on_error", VERDICTS)
def test_a_failed_signal_gets_the_on_error_verdict(on_error: str) -> None:
    decision = decide(make_policy(on_error, nudity=NUDITY), {"nsfw": failed_result()})

    assert decision.verdict == on_error
    assert [(one.rule, one.signal) for one in decision.rules] == [("on_error", "nsfw")]


def test_a_rule_of_a_removed_category_fires_on_error() -> None:
    rules = make_policy(
        knives={"signal": "custom.knives", "review": 0.5}, memes={"signal": "custom.memes", "block": 0.5}
    )

    decision = decide(rules, {"custom": signal_result(memes=0.1)})

    assert [(one.rule, one.signal, one.verdict) for one in decision.rules] == [("on_error", "custom.knives", "review")]


def test_a_failed_signal_without_a_rule_changes_nothing() -> None:
    assert (
        decide(make_policy("block", nudity=NUDITY), {"nsfw": signal_result(0.1), "codes": failed_result()}).verdict
        == "allow"
    )


def test_a_failed_exemption_exempts_nothing() -> None:
    rules = make_policy(nudity={**NUDITY, "unless": ["known.allow"]})

    assert decide(rules, {"nsfw": signal_result(0.95), "known": failed_result()}).verdict == "block"


def test_only_categories_with_a_score_are_in_the_answer() -> None:
    rules = make_policy(nudity=NUDITY, gore={"signal": "gore", "openai": "violence/graphic", "review": 0.5})

    found = decide(rules, {"nsfw": signal_result(0.5)}).categories

    assert found.keys() == {"sexual"}
    assert found["sexual"].score == 0.5
    assert found["sexual"].flagged
    assert found["sexual"].input_types == ["image"]


def test_a_failed_signal_scores_no_category() -> None:
    assert decide(make_policy(nudity=NUDITY), {"nsfw": failed_result()}).categories == {}


def moderate(nsfw: float, **results: SignalResult) -> Moderation:
    return apply_policy(make_policy(nudity=NUDITY), {"nsfw": signal_result(nsfw), **results}, None)


def test_combined_parts_get_the_strictest_verdict_and_the_highest_scores() -> None:
    one = combine_moderations([moderate(0.1), moderate(0.95), moderate(0.5)])

    assert one.verdict == "block"
    assert one.severity == 4
    assert one.signals["nsfw"].score == 0.95
    assert one.categories["sexual"].score == 0.95
    assert len(one.rules) == 2


def test_combined_parts_keep_the_highest_value_of_each_score() -> None:
    rules = make_policy(arms={"signal": "objects.weapon", "review": 0.5})
    parts = [signal_result(alcohol=0.9, weapon=0.1), signal_result(weapon=0.6), failed_result()]

    one = combine_moderations([apply_policy(rules, {"objects": part}, None) for part in parts])

    assert one.signals["objects"].scores == {"alcohol": 0.9, "weapon": 0.6}
    assert one.signals["objects"].error is None
    assert one.verdict == "review"
    assert decide(rules, one.signals).verdict == "review"


def test_a_category_names_text_and_image_as_its_inputs() -> None:
    rules = make_policy(nudity=NUDITY, words={"signal": "text.sexual", "openai": "sexual", "review": 0.5})
    text = apply_policy(rules, {"text": signal_result(sexual=1.0)}, None, input_type="text")
    image = apply_policy(rules, {"nsfw": signal_result(0.1)}, None)

    found = combine_moderations([text, image]).categories["sexual"]

    assert found.input_types == ["image", "text"]
    assert found.flagged
    assert found.score == 1.0


SCORES = st.floats(0, 1).map(lambda score: round(score, 6))


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(whole=SCORES, tiles=SCORES, weapon=SCORES, block=SCORES, allow=SCORES, fails=st.sets(st.sampled_from("nok")))
def test_a_decision_can_be_repeated_from_its_json_record(
    whole: float, tiles: float, weapon: float, block: float, allow: float, fails: set[str]
) -> None:
    rules = load_policy()
    results: dict[str, SignalResult] = {
        "nsfw": failed_result() if "n" in fails else signal_result(whole, whole=whole, tiles=tiles),
        "objects": failed_result() if "o" in fails else signal_result(weapon=weapon),
        "known": failed_result() if "k" in fails else signal_result(block=block, allow=allow),
    }
    first = apply_policy(rules, results, None)

    record: dict[str, Any] = Moderation.model_validate_json(
        first.model_dump_json(exclude_none=True)[:-1] + ',"categories":{}}'
    ).model_dump()
    again = decide(rules, {name: SignalResult.model_validate(one) for name, one in record["signals"].items()})

    assert again.verdict == record["verdict"]
    assert again.severity == record["severity"]
    assert [one.model_dump() for one in again.rules] == record["rules"]
