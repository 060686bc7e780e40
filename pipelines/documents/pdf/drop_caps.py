"""Rejoins drop caps, large letters over several lines at the beginning of a text, with the rest of their word."""

from collections.abc import Sequence
from dataclasses import replace

from pipelines.boxes import box_height
from pipelines.documents.pdf.layer_words import LayerWord

MIN_SIZE = 1.8  # of the letter, in heights of the text beside it
MIN_GAP, MAX_GAP = -0.3, 1.5  # of white between them, in the same
MIN_DEPTH = 0.4  # by which it reaches below the first line's baseline, in the same
# A and I may be words of their own: these begin with them.
_LONGER_WORDS = frozenset(
    (
        "about", "above", "according", "across", "after", "again", "against", "all", "almost", "along", "already",
        "also", "although", "always", "among", "an", "and", "another", "any", "are", "around", "as", "at", "away", "if",
        "in", "indeed", "inside", "instead", "into", "is", "it", "its", "itself",
    )
)  # fmt: skip


def join_drop_caps(words: Sequence[LayerWord]) -> list[LayerWord]:
    """The words in the order of the content, each drop cap put before the word that follows it."""
    joined: list[LayerWord] = []
    cap: LayerWord | None = None
    for word in words:
        if cap is not None and _is_drop_cap(cap, word):
            joined[-1:] = _join(cap, word)
        else:
            joined.append(word)
        cap = word if len(word.text) == 1 and word.text.isupper() else None
    return joined


def _is_drop_cap(cap: LayerWord, word: LayerWord) -> bool:
    height = box_height(word.box)
    middle = (word.box[1] + word.box[3]) / 2
    is_beside = MIN_GAP * height <= word.box[0] - cap.box[2] <= MAX_GAP * height
    is_at_top = cap.box[1] - height / 2 <= middle <= (cap.box[1] + cap.box[3]) / 2
    is_large = box_height(cap.box) >= MIN_SIZE * height and cap.baseline - word.baseline >= MIN_DEPTH * height
    return is_beside and is_at_top and is_large


def _join(cap: LayerWord, word: LayerWord) -> list[LayerWord]:
    x0, y0, x1, y1 = word.box
    if cap.text in "AI" and (cap.text + word.text).lower() not in _LONGER_WORDS:
        return [replace(cap, box=(cap.box[0], y0, min(cap.box[2], x0), y1), baseline=word.baseline), word]
    return [replace(word, text=cap.text + word.text, box=(cap.box[0], y0, x1, y1))]
