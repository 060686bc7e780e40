"""Labelled photographs in a folder beside the checkout, which may not contain them."""

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "eval"
LABELLED = SHARED / "vision" / "dev"

needs_labelled = pytest.mark.skipif(not LABELLED.is_dir(), reason="no labelled photographs beside this checkout")


def load_labels() -> list[dict[str, Any]]:
    return read_json_lines(LABELLED / "gt.jsonl")


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Every object of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
