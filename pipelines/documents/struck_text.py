"""Marks struck words in the text of a line: what a contract has crossed out must not be read as valid.

In the forms for people and models they stand between `~~`, as Markdown has it. Until text has been escaped, two
noncharacters stand for these marks: no text layer and no recogniser gives any.
"""

from collections.abc import Iterable, Sequence

from pipelines.documents.types import DocumentWord

STRUCK_MARK = "~~"
STRUCK_BEGIN, STRUCK_END = "\ufdd0", "\ufdd1"


def mark_struck(text: str, words: Sequence[DocumentWord]) -> str:
    """`text` with the noncharacters around each run of struck words; `words` are those of `text`, in its order."""
    if not any(word.struck for word in words):
        return text
    marked, at = "", 0
    for word in words:
        begin = text.find(word.text, at)
        if begin < 0:
            continue
        end = begin + len(word.text)
        marked += text[at:begin] + (f"{STRUCK_BEGIN}{word.text}{STRUCK_END}" if word.struck else word.text)
        at = end
    return join_struck(marked + text[at:])


def join_struck(text: str) -> str:
    """Struck words that follow each other are one passage."""
    return text.replace(f"{STRUCK_END} {STRUCK_BEGIN}", " ")


def write_marks(text: str) -> str:
    """`text` with `~~` in place of the noncharacters."""
    return join_struck(text).replace(STRUCK_BEGIN, STRUCK_MARK).replace(STRUCK_END, STRUCK_MARK)


def write_struck(text: str, words: Sequence[DocumentWord]) -> str:
    """`text` with its struck words between `~~`."""
    return write_marks(mark_struck(text, words))


def select_words(words: Iterable[DocumentWord], box: tuple[float, float, float, float]) -> list[DocumentWord]:
    """The words whose middle lies in `box`."""
    x0, y0, x1, y1 = box
    return [
        word
        for word in words
        if x0 <= (word.box[0] + word.box[2]) / 2 <= x1 and y0 <= (word.box[1] + word.box[3]) / 2 <= y1
    ]
