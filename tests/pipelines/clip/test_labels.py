"""The file of labels: its lines, and what is wrong with others."""

from pathlib import Path

import pytest

from pipelines.clip.labels import LabelFile, LabelsInvalid, read_labels

FILE = """
# what the cameras see
template: a photo of a {}.
template: a {} at night.
threshold: 0.6
abstain: a photo of a wall

[animals]
dog
cat @ 0.8
husky @ .9 = a sled dog; a grey wolf

[]
a map: of a town
"""


@pytest.fixture
def write_file(tmp_path: Path) -> Path:
    return tmp_path / "labels.txt"


def read(path: Path, text: str) -> LabelFile:
    path.write_text(text, "utf-8")
    return read_labels(path)


def test_labels_become_sentences_by_every_template(write_file: Path) -> None:
    found = read(write_file, FILE).labels[0]

    assert found.sentences == ("a photo of a dog.", "a dog at night.")


def test_labels_have_the_group_above_them(write_file: Path) -> None:
    assert [(one.name, one.group) for one in read(write_file, FILE).labels] == [
        ("dog", "animals"), ("cat", "animals"), ("husky", "animals"), ("a map: of a town", ""),
    ]  # fmt: skip


def test_thresholds_are_the_files_or_the_labels_own(write_file: Path) -> None:
    assert [one.threshold for one in read(write_file, FILE).labels] == [0.6, 0.8, 0.9, 0.6]


def test_sentences_of_a_label_replace_the_templates(write_file: Path) -> None:
    assert read(write_file, FILE).labels[2].sentences == ("a sled dog", "a grey wolf")


def test_abstentions_are_no_labels(write_file: Path) -> None:
    found = read(write_file, FILE)

    assert found.abstentions == ("a photo of a wall",)
    assert "a photo of a wall" not in {one.name for one in found.labels}


def test_without_templates_the_usual_one_is_taken(write_file: Path) -> None:
    assert read(write_file, "dog\ncat\n").labels[0].sentences == ("a photo of a dog.",)


def test_braces_in_labels_are_text(write_file: Path) -> None:
    assert read(write_file, "{0.x}\ncat\n").labels[0].sentences == ("a photo of a {0.x}.",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no label"),
        ("abstain: a\nabstain: b", "no label"),
        ("dog", "alone would always be right"),
        ("dog\ndog", "'dog' is there 2 times"),
        ("cat\ndog @ 1.5", "line 2: a threshold is from 0 to 1"),
        ("dog @ often", "line 1: a threshold is a number"),
        ("threshold: nan\ndog\ncat", "line 1: a threshold is from 0 to 1"),
        ("template: a photo", "line 1: a template has {}"),
        ("abstain:", "line 1: abstain: a sentence is missing"),
        ("= a dog", "line 1: a label has no name"),
        ("dog = ;", "line 1: the label 'dog' has no sentence"),
        ("\n".join(map(str, range(10_001))), "the limit is 10000"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(write_file: Path, text: str, words: str) -> None:
    with pytest.raises(LabelsInvalid, match=words):
        read(write_file, text)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_files_that_cannot_be_read_are_refused(write_file: Path, content: bytes | None) -> None:
    if content is not None:
        write_file.write_bytes(content)

    with pytest.raises(LabelsInvalid, match="cannot be read"):
        read_labels(write_file)
