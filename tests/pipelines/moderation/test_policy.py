"""Policies: what is taken, what is refused and how that is said, and what tenants change."""

from pathlib import Path

import pytest

from pipelines.errors import RequestRejected
from pipelines.moderation.policy import BUILT_IN, PolicyInvalid, load_policy

GOOD = """
name: house
version: 3
rules:
  nudity: {signal: nsfw, category: sexual, review: 0.3, block: 0.8, severity: 4}
  weapon: {signal: objects.weapon, category: weapon, review: 0.5}
tenants:
  school:
    on_error: block
    rules:
      nudity: {review: 0.1, block: 0.5}
      weapon: null
      swimwear: {signal: objects.swimwear, category: swimwear, review: 0.6}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text)
    return path


def test_the_built_in_policy_blocks_by_facts_or_by_two_scores_that_agree() -> None:
    policy = load_policy(BUILT_IN)

    unconfirmed = {rule.signal for rule in policy.rules.values() if rule.block is not None and rule.confirm is None}
    assert (policy.name, policy.on_error, unconfirmed) == (
        "default",
        "review",
        {"known.block", "codes.denied", "file.polyglot"},
    )


def test_a_version_may_be_written_as_a_number(tmp_path: Path) -> None:
    assert load_policy(written(tmp_path, GOOD)).version == "3"


def test_a_tenant_changes_parts_of_rules_drops_some_and_adds_others(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path, GOOD))

    rules = policy.rules_for("school")

    assert (
        {name: (rule.signal, rule.review, rule.block, rule.severity) for name, rule in rules.items()},
        policy.on_error_for("school"),
        policy.on_error_for(None),
        list(policy.rules_for(None)),
    ) == (
        {"nudity": ("nsfw", 0.1, 0.5, 4), "swimwear": ("objects.swimwear", 0.6, None, 3)},
        "block",
        "review",
        ["nudity", "weapon"],
    )


def test_an_unknown_tenant_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match=r"no tenant 'scool'; it has: school"):
        load_policy(written(tmp_path, GOOD)).rules_for("scool")


WRONG = {
    "not yaml": ("name: [", "while parsing"),
    "not a mapping": ("- a\n- b", "no mapping"),
    "empty": ("", "no mapping"),
    "no rules": ("name: a\nversion: 1\nrules: {}", "rules: Dictionary should have at least 1 item"),
    "unknown key": (GOOD.replace("review: 0.5}", "revue: 0.5}"), "rules.weapon.revue: Extra inputs"),
    "over 1": (GOOD.replace("block: 0.8", "block: 8"), "rules.nudity.block: Input should be less than or equal to 1"),
    "no threshold": (GOOD.replace(", review: 0.5}", "}"), "rules.weapon: give at least one threshold"),
    "falling": (GOOD.replace("block: 0.8", "block: 0.2"), "thresholds must rise"),
    "severity": (GOOD.replace("severity: 4", "severity: 7"), "rules.nudity.severity"),
    "rule twice": (GOOD.replace("  weapon:", "  nudity:", 1), "'nudity' stands twice"),
    "tenant": (GOOD.replace("block: 0.5}", "block: 0.05}"), "tenant 'school': nudity: thresholds"),
    "bad signal": (GOOD.replace("signal: nsfw", "signal: NSFW!"), "rules.nudity.signal: String should match"),
    "confirm without block": (
        GOOD.replace("review: 0.5}", "review: 0.5, confirm: {signal: nsfw, at: 0.5}}"), "make sense only beside",
    ),
    "no such signal": (GOOD.replace("signal: nsfw,", "signal: nfsw,"), "rules.nudity: no signal 'nfsw'; there are:"),
    "no such score": (GOOD.replace("objects.weapon", "objects.weapons"), "'objects' has no score 'weapons'"),
    "no such words": (
        GOOD.replace("signal: objects.weapon", "signal: text.hate"), "the signal 'text' has no score 'hate'",
    ),
    "no such score of a tenant": (GOOD.replace("objects.swimwear", "objects.swim"), "rules.swimwear: the signal"),
    "binary": ("\x00\x01", "unacceptable character"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_policy_with_a_mistake_is_refused_with_its_place(tmp_path: Path, name: str) -> None:
    text, words = WRONG[name]

    with pytest.raises(PolicyInvalid) as caught:
        load_policy(written(tmp_path, text))

    assert (words in str(caught.value), "policy.yaml" in str(caught.value), "\n" in str(caught.value)) == (
        True,
        True,
        False,
    )


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="No such file"):
        load_policy(tmp_path / "none.yaml")
