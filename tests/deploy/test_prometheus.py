"""Rules and alerts, checked by Prometheus's own tool."""

import re
import shutil
import subprocess
from itertools import chain
from typing import Any

import pytest
import yaml

from tests.deploy.dockerfile import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
ALERTS = FOLDER / "rules" / "alerts.yml"
EXAMPLES = FOLDER / "tests" / "alerts.yml"

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (Debian: prometheus)")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return list(chain.from_iterable(group["rules"] for group in groups))


@needs_promtool
@pytest.mark.parametrize(
    "command",
    [
        ["check", "rules", *map(str, sorted((FOLDER / "rules").iterdir()))],
        ["check", "config", "--syntax-only", str(FOLDER / "prometheus.yml")],
        ["test", "rules", str(EXAMPLES)],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_prometheus_accepts_rules_and_configuration(command: list[str]) -> None:
    found = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout + found.stderr


def test_every_alert_fires_in_an_example() -> None:
    examples = yaml.safe_load(EXAMPLES.read_text("utf-8"))["tests"]
    fired = {one["alertname"] for test in examples for one in test["alert_rule_test"] if one.get("exp_alerts")}

    assert {one["alert"] for one in alerts()} - fired == set()


def test_every_alert_has_its_section_of_the_runbook() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text("utf-8"), re.MULTILINE)
    named = {one["alert"]: one["annotations"]["runbook"] for one in alerts()}

    assert named == {heading: f"docs/runbook.md#{heading.lower()}" for heading in headings}
