"""The compose files, as YAML has them: anchors resolved, variables of the shell not."""

from typing import Any

import yaml

from tests.deploy.dockerfile import ROOT

FILES = ("docker-compose.yml", "docker-compose.gpu.yml")


def services(file: str = FILES[0]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / file).read_text("utf-8"))["services"]
    return found
