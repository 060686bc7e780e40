"""CLIP's tokeniser: texts to token ids, by byte pair encoding of words.

Source: A. Radford and others, "Learning Transferable Visual Models From Natural Language Supervision" (ICML 2021);
openai/CLIP and its copy in open_clip (MIT), whose ids these are; R. Sennrich and others, "Neural Machine Translation of
Rare Words with Subword Units" (ACL 2016).

Letters and numbers are those that RE2 knows: ids differ from open_clip's where a character is newer than that.
"""

import gzip
import html
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import Self

import ftfy
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelCorrupt
from pipelines.linear_patterns import compile_text

CONTEXT_LENGTH = 77
MAX_CHARS = 4_096  # of a text that are read: 77 tokens are rarely more than 400
_MERGES = 48_894  # of the file's; with them there are 49,408 tokens

_START, _END = "<start_of_text>", "<end_of_text>"
_WORD_END = "</w>"
_WORDS = compile_text(
    rf"{_START}|{_END}|'s|'t|'re|'ve|'m|'ll|'d|\p{{L}}+|\p{{N}}|[^\s\p{{L}}\p{{N}}]+", ignore_case=True
)


class ClipTokeniser:
    """Takes time in proportion to the text, whatever its characters are."""

    def __init__(self, merges: Sequence[tuple[str, str]]) -> None:
        """`merges` are pairs of symbols, those that are merged first first."""
        symbols = list(_BYTE_SYMBOLS.values())
        vocabulary = [*symbols, *(f"{one}{_WORD_END}" for one in symbols), *map("".join, merges), _START, _END]
        self._ids = {symbol: id for id, symbol in enumerate(vocabulary)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}

    @classmethod
    def load(cls, path: Path) -> Self:
        """From the published vocabulary, gzip of a pair a line behind a heading; raises ModelCorrupt."""
        try:
            lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")[1 : _MERGES + 1]
            merges = [(first, second) for first, second in map(str.split, lines)]
        except (OSError, EOFError, ValueError) as cause:
            raise ModelCorrupt(f"{path} is no vocabulary of CLIP: {cause}") from cause
        if len(merges) < _MERGES:
            raise ModelCorrupt(f"{path} is no vocabulary of CLIP: it has {len(merges)} pairs of {_MERGES}")
        return cls(merges)

    def make_ids(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(N, 77) ids: each text's between those that begin and end a text, padded with 0; long texts are cut."""
        ids = np.zeros((len(texts), CONTEXT_LENGTH), np.int64)
        for row, text in zip(ids, texts, strict=True):
            found = [self._ids[_START], *self.encode(text), self._ids[_END]]
            row[: len(found)] = found
        return ids

    def encode(self, text: str) -> list[int]:
        """At most 75 ids, without those that begin and end a text."""
        ids: list[int] = []
        for word in self._split(text):
            if len(ids) >= CONTEXT_LENGTH - 2:
                break
            ids.extend([self._ids[word]] if word in (_START, _END) else self._encode_word(word))
        return ids[: CONTEXT_LENGTH - 2]

    def _split(self, text: str) -> Iterator[str]:
        repaired = html.unescape(html.unescape(ftfy.fix_text(text[:MAX_CHARS])))
        for word in _WORDS.finditer(" ".join(repaired.split()).lower()):
            yield word.group()

    def _encode_word(self, word: str) -> Iterator[int]:
        symbols = [_BYTE_SYMBOLS[byte] for byte in word.encode()]
        symbols[-1] += _WORD_END
        return map(self._ids.__getitem__, self._merge(symbols))

    def _merge(self, symbols: list[str]) -> Iterator[str]:
        """Merge the pair of the lowest rank wherever it occurs, from left to right, until no known pair is left.

        A merged symbol stands at the position of its first part; "" stands at that of its second one.
        """
        ranks, before, after = self._ranks, list(range(-1, len(symbols) - 1)), list(range(1, len(symbols) + 1))
        waiting = [(ranks[pair], at) for at, pair in enumerate(pairwise(symbols)) if pair in ranks]
        heapify(waiting)
        while waiting:
            rank, positions = waiting[0][0], list[int]()
            while waiting and waiting[0][0] == rank:
                positions.append(heappop(waiting)[1])
            for at in positions:
                second = after[at]
                if second == len(symbols) or ranks.get((symbols[at], symbols[second])) != rank:
                    continue  # an earlier merge took a part of the pair
                symbols[at], symbols[second] = symbols[at] + symbols[second], ""
                after[at] = after[second]
                if after[at] < len(symbols):
                    before[after[at]] = at
                for first in (before[at], at):
                    if first >= 0 and after[first] < len(symbols):
                        self._offer((symbols[first], symbols[after[first]]), first, waiting)
        return filter(None, symbols)

    def _offer(self, pair: tuple[str, str], at: int, waiting: list[tuple[int, int]]) -> None:
        if pair in self._ranks:
            heappush(waiting, (self._ranks[pair], at))


def _name_bytes() -> dict[int, str]:
    """A printable character for each byte, those of Latin-1 first; their order gives the first 256 ids."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + at) for at, byte in enumerate(others)}


_BYTE_SYMBOLS = _name_bytes()
