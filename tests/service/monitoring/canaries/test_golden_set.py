"""Golden sets in folders, and the built-in set on real models."""

import json
from pathlib import Path

import pytest

from service.monitoring.canaries.golden_set import load_golden_set, load_golden_sets
from service.monitoring.errors import GoldenSetInvalid
from service.settings import MonitoringSettings, Settings
from tests.conftest import Jpeg
from tests.serving import run


def write_set(folder: Path, expected: object, *images: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "expected.json").write_text(json.dumps(expected))
    for image in images:
        (folder / image).write_bytes(b"an image")
    return folder


def test_sets_are_the_builtin_one_and_folders_with_expectations(tmp_path: Path) -> None:
    write_set(tmp_path / "shop", {"a.jpg": {"features": {"top": ["espresso"]}}}, "a.jpg")
    (tmp_path / "notes").mkdir()

    builtin, shop = load_golden_sets(Settings(monitoring=MonitoringSettings(canaries=tmp_path)))

    assert builtin.name == "drawn"
    assert shop.name == "shop"
    assert [image.read() for image in shop.images] == [b"an image"]


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"b.jpg": {"faces": {"count": 1}}}, "there is no image 'b.jpg'"),
        ({"a.jpg": {}}, "nothing is expected of 'a.jpg'"),
        ({"a.jpg": {"faces": {"number": 1}}}, "number"),
        ({"a.jpg": {"moderation": {"scores": {"nsfw": {"at_most": 2}}}}}, "at_most"),
        ([], "expected.json"),
    ],
    ids=["missing image", "no expectation", "unknown key", "invalid score", "no JSON object"],
)
def test_a_set_with_a_mistake_in_it_is_refused(tmp_path: Path, expected: object, message: str) -> None:
    with pytest.raises(GoldenSetInvalid, match=message):
        load_golden_set(write_set(tmp_path / "shop", expected, "a.jpg"))


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldenSetInvalid, match="no folder in"):
        load_golden_sets(Settings(monitoring=MonitoringSettings(canaries=tmp_path)))


def test_a_set_cannot_replace_the_builtin_one(tmp_path: Path) -> None:
    write_set(tmp_path / "drawn", {"a.jpg": {"faces": {"count": 1}}}, "a.jpg")

    with pytest.raises(GoldenSetInvalid, match="'drawn' is the set that is built in"):
        load_golden_sets(Settings(monitoring=MonitoringSettings(canaries=tmp_path)))


def test_real_models_pass_the_builtin_set_and_mistakes_exit_1(tmp_path: Path, jpeg: Jpeg) -> None:
    expected = {"features": {"group": ["animal"]}, "faces": {"count": 3}, "moderation": {"verdict": "allow"}}
    (write_set(tmp_path / "sets" / "shop", {"cat.jpg": expected}) / "cat.jpg").write_bytes(jpeg("cat"))

    done = run("canary", "run", "--json", canaries=str(tmp_path / "sets"), canary_answers=str(tmp_path / "answers"))

    builtin, shop = (json.loads(line) for line in done.stdout.splitlines())
    assert builtin["set"] == "drawn"
    assert set(builtin["accuracy"].values()) == {1.0}
    assert builtin["flips"] == 0
    assert shop["accuracy"] == {"moderation": 1.0, "features": 1.0, "faces": 0.0}
    assert done.returncode == 1
