"""Policy files: which are accepted, and which are refused with which message."""

from pathlib import Path

import pytest

from pipelines.moderation.policy_file import BUILT_IN, PolicyInvalid, load_policy
from tests.pipelines.moderation.policy_samples import VALID, write_policy


def test_the_built_in_policy_blocks_unconfirmed_only_by_facts() -> None:
    policy = load_policy(BUILT_IN)

    unconfirmed = {rule.signal for rule in policy.rules.values() if rule.block is not None and not rule.confirm}
    assert policy.name == "default"
    assert policy.on_error == "review"
    assert unconfirmed == {"known.block", "codes.denied", "file.polyglot"}


def test_a_version_may_be_written_as_a_number(tmp_path: Path) -> None:
    assert load_policy(write_policy(tmp_path, VALID)).version == "3"


INVALID = {
    "not yaml": ("name: [", "while parsing"),
    "not a mapping": ("- a\n- b", "no mapping"),
    "empty": ("", "no mapping"),
    "no rules": ("name: a\nversion: 1\nrules: {}", "rules: Dictionary should have at least 1 item"),
    "unknown key": (VALID.replace("review: 0.5}", "revue: 0.5}"), "rules.weapon.revue: Extra inputs"),
    "over 1": (VALID.replace("block: 0.8", "block: 8"), "rules.nudity.block: Input should be less than or equal to 1"),
    "no threshold": (VALID.replace(", review: 0.5}", "}"), "rules.weapon: give at least one threshold"),
    "falling": (VALID.replace("block: 0.8", "block: 0.2"), "thresholds must rise"),
    "severity": (VALID.replace("severity: 4", "severity: 7"), "rules.nudity.severity"),
    "rule twice": (VALID.replace("  weapon:", "  nudity:", 1), "'nudity' stands twice"),
    "tenant": (VALID.replace("block: 0.5}", "block: 0.05}"), "tenant 'school': nudity: thresholds"),
    "bad signal": (VALID.replace("signal: nsfw", "signal: NSFW!"), "rules.nudity.signal: String should match"),
    "confirm without block": (
        VALID.replace("review: 0.5}", "review: 0.5, confirm: {signal: nsfw, at: 0.5}}"), "make sense only beside",
    ),
    "confirmed by no signal": (
        VALID.replace("block: 0.8", "block: 0.8, confirm: [{signal: nsfw, at: 1}, {signal: nfsw, at: 1}]"),
        "no signal 'nfsw'",
    ),
    "no such signal": (VALID.replace("signal: nsfw,", "signal: nfsw,"), "rules.nudity: no signal 'nfsw'; there are:"),
    "no such score": (VALID.replace("objects.weapon", "objects.weapons"), "'objects' has no score 'weapons'"),
    "no such words": (
        VALID.replace("signal: objects.weapon", "signal: text.hate"), "the signal 'text' has no score 'hate'",
    ),
    "no such score of a tenant": (VALID.replace("objects.swimwear", "objects.swim"), "rules.swimwear: the signal"),
    "binary": ("\x00\x01", "unacceptable character"),
}  # fmt: skip


@pytest.mark.parametrize("name", INVALID)
def test_the_error_for_a_policy_names_file_and_mistake(tmp_path: Path, name: str) -> None:
    text, words = INVALID[name]

    with pytest.raises(PolicyInvalid) as caught:
        load_policy(write_policy(tmp_path, text))

    assert words in str(caught.value)
    assert "policy.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="No such file"):
        load_policy(tmp_path / "none.yaml")
