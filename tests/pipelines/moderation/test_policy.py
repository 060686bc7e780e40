"""The rules of a policy, as tenants change them."""

from pathlib import Path

import pytest

from pipelines.errors import RequestRejected
from pipelines.moderation.policy_file import load_policy
from tests.pipelines.moderation.policy_samples import VALID, write_policy


def test_a_tenant_changes_drops_and_adds_rules(tmp_path: Path) -> None:
    policy = load_policy(write_policy(tmp_path, VALID))

    rules = policy.rules_for("school")

    assert {name: (rule.signal, rule.review, rule.block, rule.severity) for name, rule in rules.items()} == {
        "nudity": ("nsfw", 0.1, 0.5, 4), "swimwear": ("objects.swimwear", 0.6, None, 3),
    }  # fmt: skip
    assert policy.on_error_for("school") == "block"
    assert policy.on_error_for(None) == "review"
    assert list(policy.rules_for(None)) == ["nudity", "weapon"]


def test_an_unknown_tenant_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match=r"no tenant 'scool'; it has: school"):
        load_policy(write_policy(tmp_path, VALID)).rules_for("scool")
