"""The tokeniser gives the ids of open-clip's, for texts of many scripts and for what people paste."""

import random
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.clip.tokeniser import ClipTokeniser

# First and last characters of scripts, symbols and emoji.
RANGES = (
    " ~", "\xa0ɏ", "ͰϿ", "Ѐӿ", "\u0590\u05ff", "\u0600ۿ", "ऀॿ", "\u0e00\u0e7f", "\u3040ヿ", "一鿿", "가힣", "🌀🫶",
    "\u2000\u206f", "\x00\x1f", "\uff00\uffef",
)  # fmt: skip
TEXT = """
the cat's dog don't we'll I'm they've he'd you're unbelievable photograph 1234 12.5 3rd
&amp; &lt;b&gt; &amp;amp; &#128512; &#xd800; &nbsp; <end_of_text> <START_OF_TEXT> <|endoftext|>
don’t “quoted” ｆｕｌｌ schön Straße İstanbul \u212a ſ 'ſ ½ ² Ⅷ … ﬁ â€™ Ã© schÃ¶n
👩‍👩‍👧 🇩🇪 ✌🏽 привет 你好 世界 नमस्ते สวัสดี مرحبا שלום 한국어 日本語 Ελληνικά
"""
PIECES = TEXT.split()
GAPS = ("", " ", "  ", "\n", "\t\xa0", "\u3000", "'", "-", "\r\n", "\x1c")


def draw_text(rng: random.Random) -> str:
    """Up to 14 pieces of real text or of one script's characters, with gaps; characters that Unicode 14 knows."""
    parts = []
    for _ in range(rng.randint(0, 14)):
        script = rng.choice(RANGES)
        drawn = "".join(chr(rng.randint(ord(script[0]), ord(script[1]))) for _ in range(rng.randint(1, 12)))
        parts += [rng.choice((rng.choice(PIECES), drawn)), rng.choice(GAPS)]
    return "".join(one for one in "".join(parts) if unicodedata.category(one) not in ("Cn", "Cs"))


@pytest.fixture(scope="module")
def reference() -> Any:
    open_clip = pytest.importorskip("open_clip", reason="no open-clip-torch here: pip install 'kernelsight[parity]'")
    return open_clip.SimpleTokenizer()


@pytest.fixture(scope="module")
def tokeniser(reference: Any) -> ClipTokeniser:
    from open_clip import tokenizer

    return ClipTokeniser.load(Path(tokenizer.default_bpe()))


def test_ids_of_a_thousand_texts_are_those_of_open_clip(reference: Any, tokeniser: ClipTokeniser) -> None:
    rng = random.Random(0)
    texts = [draw_text(rng) for _ in range(1_000)]

    found, wanted = tokeniser.make_ids(texts), reference(texts).numpy()

    assert [text for text, a, b in zip(texts, found, wanted, strict=True) if not np.array_equal(a, b)] == []


@pytest.mark.parametrize("text", ["", " \n", "a" * 500, "ab " * 300, "aaaa aaa aa", "é" * 200, "!" * 300, "x'S"])
def test_ids_of_odd_texts_are_those_of_open_clip(reference: Any, tokeniser: ClipTokeniser, text: str) -> None:
    assert tokeniser.make_ids([text]).tolist() == reference([text]).tolist()


def test_a_known_text_has_its_ids(tokeniser: ClipTokeniser) -> None:
    assert tokeniser.encode("a diagram") == [320, 22697]


def test_lone_surrogates_are_replaced(tokeniser: ClipTokeniser) -> None:
    assert tokeniser.encode("\ud800") == tokeniser.encode("\ufffd")


def test_characters_after_the_limit_are_not_read(tokeniser: ClipTokeniser) -> None:
    assert tokeniser.encode(" " * 5_000 + "dog") == []
