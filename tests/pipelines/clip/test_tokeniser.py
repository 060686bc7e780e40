"""Byte pair encoding over a vocabulary that the tests make."""

import gzip
from pathlib import Path

import pytest

from models.errors import ModelCorrupt
from pipelines.clip.tokeniser import ClipTokeniser
from tests.pipelines.clip.vocabulary import FIRST_MERGE, write_vocabulary

END_OF_A = 64 + 256  # "a" at the end of a word


@pytest.fixture(scope="module")
def tokeniser(tmp_path_factory: pytest.TempPathFactory) -> ClipTokeniser:
    """Merges in this order: c+a, ca+t</w>, a+a, t+h."""
    return ClipTokeniser.load(write_vocabulary(tmp_path_factory.mktemp("clip") / "vocabulary.txt.gz"))


def test_known_words_are_one_token(tokeniser: ClipTokeniser) -> None:
    assert tokeniser.encode("cat") == [FIRST_MERGE + 1]


def test_merges_take_pairs_from_left_to_right(tokeniser: ClipTokeniser) -> None:
    assert tokeniser.encode("aaaa") == [FIRST_MERGE + 2, 64, END_OF_A]


def test_case_and_spaces_do_not_matter(tokeniser: ClipTokeniser) -> None:
    assert tokeniser.encode("  CAT\n\ta ") == tokeniser.encode("cat a")


def test_entities_are_read_as_their_characters(tokeniser: ClipTokeniser) -> None:
    assert tokeniser.encode("&amp;lt;") == tokeniser.encode("<")


def test_ids_are_between_the_first_and_the_last_token(tokeniser: ClipTokeniser) -> None:
    [ids] = tokeniser.make_ids(["cat"])

    assert ids[:3].tolist() == [49_406, FIRST_MERGE + 1, 49_407]
    assert not ids[3:].any()


def test_long_texts_are_cut_and_end_as_all_do(tokeniser: ClipTokeniser) -> None:
    [ids] = tokeniser.make_ids(["cat " * 100])

    assert ids.shape == (77,)
    assert ids[-1] == 49_407


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"heading\na b\n"), gzip.compress(b"h\n" + b"a\n" * 50_000)],
    ids=["no gzip", "too short", "too long"],
)
def test_other_files_are_no_vocabulary(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vocabulary.txt.gz"
    path.write_bytes(content)

    with pytest.raises(ModelCorrupt, match="no vocabulary of CLIP"):
        ClipTokeniser.load(path)
