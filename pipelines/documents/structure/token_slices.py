"""Cuts and joins tokens by positions in their text; their words, and so their boxes, go with them."""

from collections.abc import Sequence

from pipelines.documents.stages import TextWord
from pipelines.documents.tables.tokens import TextToken


def slice_token(token: TextToken, begin: int, end: int) -> TextToken:
    """The token of the text between two positions, of which at least one word must have a part."""
    left, _ = _split_words(token.words, token.text, end)
    _, words = _split_words(left, token.text[:end], begin)
    return TextToken(words or token.words[:1], token.text[begin:end].strip())


def join_tokens(tokens: Sequence[TextToken]) -> TextToken:
    return TextToken(tuple(word for token in tokens for word in token.words), " ".join(token.text for token in tokens))


def _split_words(words: Sequence[TextWord], text: str, at: int) -> tuple[tuple[TextWord, ...], tuple[TextWord, ...]]:
    """Words before and after a position in the text; a word across it is cut, its characters taken as equally wide."""
    left, right, position = [], [], 0
    for word in words:
        begin = text.find(word.text, position)
        begin = position if begin < 0 else begin
        position = begin + len(word.text)
        if position <= at:
            left.append(word)
        elif begin >= at:
            right.append(word)
        else:
            x0, y0, x1, y1 = word.box
            middle = x0 + (x1 - x0) * (at - begin) / len(word.text)
            left.append(TextWord(word.text[: at - begin], (x0, y0, middle, y1), word.score, word.is_struck))
            right.append(TextWord(word.text[at - begin :], (middle, y0, x1, y1), word.score, word.is_struck))
    return tuple(left), tuple(right)
