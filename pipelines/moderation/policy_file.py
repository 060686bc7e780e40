"""Reads a policy from its YAML file and checks it, also against the scores that signals declare."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from models.errors import KernelSightError
from pipelines.moderation.policy import Policy, describe_errors
from pipelines.moderation.signals.registry import declared_scores

BUILT_IN = Path(__file__).with_name("policy.yaml")


class PolicyInvalid(KernelSightError):
    code = "policy-invalid"


def load_policy(path: Path = BUILT_IN) -> Policy:
    """Read and validate a policy; raises PolicyInvalid, which names the file and everything that is wrong in it."""
    try:
        text = path.read_bytes()
        values = yaml.load(text, _StrictLoader)
        if not isinstance(values, Mapping):
            raise ValueError("this is no mapping with 'name', 'version' and 'rules'")
        policy = Policy.model_validate({**values, "sha256": hashlib.sha256(text).hexdigest()})
        _check_score_names(policy)
    except OSError as cause:
        raise PolicyInvalid(f"policy {str(path)!r}: {cause.strerror or cause}") from cause
    except ValidationError as cause:
        raise PolicyInvalid(f"policy {str(path)!r}: {describe_errors(cause)}") from cause
    except (yaml.YAMLError, ValueError) as cause:
        raise PolicyInvalid(f"policy {str(path)!r}: {' '.join(str(cause).split())}") from cause
    return policy


def _check_score_names(policy: Policy) -> None:
    """Raises ValueError for a rule on a score that no signal declares: a typo would switch the rule off in silence."""
    declared = declared_scores(policy.text_signal)
    for rules in (policy.rules, *policy.tenant_rules.values()):
        for name, rule in rules.items():
            for used in rule.used_scores:
                signal, _, score = used.partition(".")
                if signal not in declared:
                    raise ValueError(f"rules.{name}: no signal {signal!r}; there are: {', '.join(declared)}")
                scores = declared[signal]
                if score and scores is not None and score not in scores:
                    raise ValueError(f"rules.{name}: the signal {signal!r} has no score {score!r}")


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice, which would silently hide a rule."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)
