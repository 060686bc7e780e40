"""`kernelsight hashes`: images are hashed, lists are edited and searched."""

import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Jpeg
from tests.pipelines.images import photograph
from tests.serving import run

CAT = "5feb5321f01da156898e2bf629a5d3438412cdbd23f48942464526315db33ffd"


@pytest.fixture
def pictures(tmp_path: Path, jpeg: Jpeg) -> Path:
    photograph("cat").save(tmp_path / "cat.png")
    (tmp_path / "copy.jpg").write_bytes(jpeg("cat"))
    (tmp_path / "coffee.jpg").write_bytes(jpeg("coffee"))
    Image.new("RGB", (99, 99), "white").save(tmp_path / "blank.png")
    return tmp_path


def run_hashes(*arguments: str | Path, block: Path | None = None) -> subprocess.CompletedProcess[str]:
    settings = {"block_hashes": str(block)} if block else {}
    return run("hashes", *map(str, arguments), **settings)


def test_the_output_of_of_is_a_valid_list(pictures: Path) -> None:
    done = run_hashes("of", pictures / "cat.png", pictures / "blank.png")
    (pictures / "list.csv").write_text(done.stdout)

    checked = run_hashes("check", pictures / "list.csv")

    assert done.stdout.splitlines()[0] == f"{CAT},100,{pictures / 'cat.png'}"
    counts = checked.stdout.partition(", version")[0]
    assert counts == f"{pictures / 'list.csv'}: 1 entries, 1 left out (quality under 50)"


def test_of_continues_after_an_unreadable_image(pictures: Path) -> None:
    (pictures / "cut.jpg").write_bytes((pictures / "copy.jpg").read_bytes()[:3000])

    done = run_hashes("of", pictures / "cut.jpg", pictures / "nothing.jpg", pictures / "cat.png")

    errors = done.stderr.splitlines()
    assert "cut.jpg" in errors[0]
    assert "nothing.jpg" in errors[1]
    assert len(errors) == 2
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode == 1


def test_an_added_image_matches_its_copy_until_it_is_removed(pictures: Path) -> None:
    block = pictures / "block.csv"
    outputs = [
        run_hashes(*arguments, block=block).stdout.replace(f"{pictures}/", "").strip()
        for arguments in (
            ("add", pictures / "cat.png", "--to", "block", "--label", "a cat"),
            ("match", pictures / "copy.jpg", pictures / "coffee.jpg"),
            ("remove", CAT, "--from", "block"),
            ("match", pictures / "copy.jpg"),
        )
    ]

    matches = outputs[1].splitlines()
    assert outputs[0] == "block list: 1 added"
    assert matches[0].partition(" distance ")[0] == "copy.jpg: a cat: block list,"
    assert matches[1] == "coffee.jpg: no match"
    assert outputs[2:] == ["block list: 1 removed", "copy.jpg: no match"]


def test_import_adds_every_entry_of_other_lists(pictures: Path) -> None:
    (pictures / "theirs.json").write_text(f'{{"data": [{{"indicator": "{CAT}", "type": "HASH_PDQ"}}]}}')

    done = run_hashes("import", pictures / "theirs.json", "--to", "block", block=pictures / "block.csv")

    assert done.stdout[:21] == "block list: 1 entries"  # fmt: skip
    assert (pictures / "block.csv").read_text() == f"hash,label,source,distance\n{CAT},,,\n"


def test_import_adds_nothing_when_a_list_has_a_mistake(pictures: Path) -> None:
    (pictures / "theirs.csv").write_text(f"{CAT}\nspam\n")

    done = run_hashes("import", pictures / "theirs.csv", "--to", "block", block=pictures / "block.csv")

    assert "theirs.csv, line 2: 'spam'" in done.stderr
    assert done.returncode == 1
    assert not (pictures / "block.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["check", "nothing.csv"], 1, "nothing.csv: No such file"),
        (["add", CAT, "--to", "allow"], 1, "KERNELSIGHT_ALLOW_HASHES is not set"),
        (["remove", CAT, "--from", "block"], 1, f"not in the block list: {CAT}"),
        (["add", "{}/blank.png", "--to", "block"], 1, "PDQ quality 0, under 50"),
        (["add", "{}/nothing.png", "--to", "block"], 1, "nothing.png: No such file"),
        (["add", CAT, "--to", "spam"], 2, "--to"),
        (["add", CAT, "--to", "block", "--distance", "81"], 2, "--distance"),
    ],
)
def test_errors_are_one_line_with_the_right_exit_code(
    pictures: Path, arguments: list[str], code: int, message: str
) -> None:
    done = run_hashes(*(argument.format(pictures) for argument in arguments), block=pictures / "block.csv")

    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == code


def test_match_without_lists_names_the_missing_setting(pictures: Path) -> None:
    done = run_hashes("match", pictures / "cat.png")

    assert "KERNELSIGHT_BLOCK_HASHES" in done.stderr
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
