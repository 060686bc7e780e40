"""`kernelsight hashes` as people call it: images to hashes, lists kept and looked up."""

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


def hashes(*arguments: str | Path, block: Path | None = None) -> subprocess.CompletedProcess[str]:
    settings = {"block_hashes": str(block)} if block else {}
    return run("hashes", *map(str, arguments), **settings)


def test_of_prints_lines_that_are_a_list(pictures: Path) -> None:
    done = hashes("of", pictures / "cat.png", pictures / "blank.png")
    (pictures / "list.csv").write_text(done.stdout)

    checked = hashes("check", pictures / "list.csv")

    assert (done.stdout.splitlines()[0], checked.stdout.partition(", version")[0]) == (
        f"{CAT},100,{pictures / 'cat.png'}",
        f"{pictures / 'list.csv'}: 1 entries, 1 left out (quality under 50)",
    )


def test_of_goes_on_behind_an_image_that_it_cannot_read(pictures: Path) -> None:
    (pictures / "cut.jpg").write_bytes((pictures / "copy.jpg").read_bytes()[:3000])

    done = hashes("of", pictures / "cut.jpg", pictures / "nothing.jpg", pictures / "cat.png")

    errors = done.stderr.splitlines()
    assert (done.returncode, len(done.stdout.splitlines()), [name in line for name, line in zip(
        ("cut.jpg", "nothing.jpg"), errors, strict=True)]) == (1, 1, [True, True])  # fmt: skip


def test_an_image_that_was_added_is_matched_by_its_copy_until_it_is_removed(pictures: Path) -> None:
    block = pictures / "block.csv"
    told = [
        hashes(*arguments, block=block).stdout.replace(f"{pictures}/", "").strip()
        for arguments in (
            ("add", pictures / "cat.png", "--to", "block", "--label", "a cat"),
            ("match", pictures / "copy.jpg", pictures / "coffee.jpg"),
            ("remove", CAT, "--from", "block"),
            ("match", pictures / "copy.jpg"),
        )
    ]

    found = told[1].splitlines()
    assert (told[0], found[0].partition(" distance ")[0], found[1], told[2:]) == (
        "block list: 1 added",
        "copy.jpg: a cat: block list,",
        "coffee.jpg: no match",
        ["block list: 1 removed", "copy.jpg: no match"],
    )


def test_import_adds_every_entry_of_other_lists(pictures: Path) -> None:
    (pictures / "theirs.json").write_text(f'{{"data": [{{"indicator": "{CAT}", "type": "HASH_PDQ"}}]}}')

    done = hashes("import", pictures / "theirs.json", "--to", "block", block=pictures / "block.csv")

    assert (done.stdout[:21], (pictures / "block.csv").read_text()) == (
        "block list: 1 entries", f"hash,label,source,distance\n{CAT},,,\n",
    )  # fmt: skip


def test_import_adds_nothing_when_there_is_a_mistake(pictures: Path) -> None:
    (pictures / "theirs.csv").write_text(f"{CAT}\nspam\n")

    done = hashes("import", pictures / "theirs.csv", "--to", "block", block=pictures / "block.csv")

    assert (done.returncode, "theirs.csv, line 2: 'spam'" in done.stderr, (pictures / "block.csv").exists()) == (
        1, True, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
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
    pictures: Path, arguments: list[str], code: int, says: str
) -> None:
    done = hashes(*(argument.format(pictures) for argument in arguments), block=pictures / "block.csv")

    assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (code, True, False)


def test_match_without_lists_says_which_setting_is_missing(pictures: Path) -> None:
    done = hashes("match", pictures / "cat.png")

    assert (done.returncode, "KERNELSIGHT_BLOCK_HASHES" in done.stderr, done.stderr.count("\n")) == (1, True, 1)
