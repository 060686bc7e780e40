"""The compose files parsed as YAML: anchors are resolved, shell variables are not."""

from typing import Any

import yaml

from tests.deploy.dockerfile import ROOT

COMPOSE_FILES = ("docker-compose.yml", "docker-compose.gpu.yml")


def load_services(file: str = COMPOSE_FILES[0]) -> dict[str, dict[str, Any]]:
    parsed: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / file).read_text("utf-8"))["services"]
    return parsed
