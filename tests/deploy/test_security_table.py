"""docs/security.md names tests and settings that exist."""

import re

from service.settings import Settings
from tests.deploy.dockerfile import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text()
TESTS = re.findall(r"`([\w/]+/test_\w+\.py)`", TEXT)


def test_there_are_tests_to_look_for() -> None:
    assert len(TESTS) > 30


def test_every_named_test_exists() -> None:
    assert [name for name in TESTS if not (ROOT / "tests" / name).is_file()] == []


def test_every_named_setting_exists() -> None:
    groups = (field.annotation for field in Settings.model_fields.values())
    known = {f"KERNELSIGHT_{name.upper()}" for group in groups for name in group.model_fields}  # type: ignore[union-attr]

    assert set(re.findall(r"`(KERNELSIGHT_\w+)`", TEXT)) - known == set()
