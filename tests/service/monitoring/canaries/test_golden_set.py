"""Golden sets in folders, and the one that is built in on real models."""

import json
from pathlib import Path

import pytest

from service.monitoring.canaries.golden_set import golden_sets, load_set
from service.monitoring.errors import GoldenSetInvalid
from service.settings import Settings
from tests.conftest import Jpeg
from tests.serving import run


def write(folder: Path, expected: object, *images: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "expected.json").write_text(json.dumps(expected))
    for image in images:
        (folder / image).write_bytes(b"an image")
    return folder


def test_sets_are_the_drawn_one_and_each_folder_that_says_what_to_expect(tmp_path: Path) -> None:
    write(tmp_path / "shop", {"a.jpg": {"features": {"top": ["espresso"]}}}, "a.jpg")
    (tmp_path / "notes").mkdir()

    drawn, shop = golden_sets(Settings(canaries=tmp_path))

    assert (drawn.name, shop.name, [case.read() for case in shop.cases]) == ("drawn", "shop", [b"an image"])


@pytest.mark.parametrize(
    ("expected", "what"),
    [
        ({"b.jpg": {"faces": {"count": 1}}}, "there is no image 'b.jpg'"),
        ({"a.jpg": {}}, "nothing is expected of 'a.jpg'"),
        ({"a.jpg": {"faces": {"number": 1}}}, "number"),
        ({"a.jpg": {"moderation": {"scores": {"nsfw": {"at_most": 2}}}}}, "at_most"),
        ([], "expected.json"),
    ],
    ids=["no image", "nothing asked", "unknown key", "no score", "no object"],
)
def test_a_set_with_a_mistake_in_it_is_refused(tmp_path: Path, expected: object, what: str) -> None:
    with pytest.raises(GoldenSetInvalid, match=what):
        load_set(write(tmp_path / "shop", expected, "a.jpg"))


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GoldenSetInvalid, match="no folder in"):
        golden_sets(Settings(canaries=tmp_path))


def test_a_set_cannot_take_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    write(tmp_path / "drawn", {"a.jpg": {"faces": {"count": 1}}}, "a.jpg")

    with pytest.raises(GoldenSetInvalid, match="'drawn' is the set that is built in"):
        golden_sets(Settings(canaries=tmp_path))


def test_real_models_are_right_about_every_drawing_and_a_wrong_answer_is_exit_code_1(
    tmp_path: Path, jpeg: Jpeg
) -> None:
    asked = {"features": {"group": ["animal"]}, "faces": {"count": 3}, "moderation": {"verdict": "allow"}}
    (write(tmp_path / "sets" / "shop", {"cat.jpg": asked}) / "cat.jpg").write_bytes(jpeg("cat"))

    done = run("canary", "run", "--json", canaries=str(tmp_path / "sets"), canary_answers=str(tmp_path / "answers"))

    drawn, shop = (json.loads(line) for line in done.stdout.splitlines())
    assert (drawn["set"], set(drawn["accuracy"].values()), drawn["flips"]) == ("drawn", {1.0}, 0)
    assert (shop["accuracy"], done.returncode) == ({"moderation": 1.0, "features": 1.0, "faces": 0.0}, 1)
