"""Marks struck words in the text of a line: what a contract has crossed out must not be read as valid.

In the forms for people and models they stand between `~~`, as Markdown has it, in HTML in a `del` element. Until text
has been escaped, two noncharacters stand for these marks: no text layer and no recogniser gives any.
"""

from collections.abc import Iterable, Sequence

from pipelines.documents.types import DocumentLine, DocumentWord, TableCell

STRUCK_MARK = "~~"
STRUCK_BEGIN, STRUCK_END = "\ufdd0", "\ufdd1"


def mark_struck(text: str, words: Sequence[DocumentWord]) -> str:
    """`text` with the noncharacters around each run of struck words.

    `words` are those of `text`, mostly in its order: one that does not follow is looked for in all of the text.
    """
    if not any(word.struck for word in words):
        return text
    spans: list[tuple[int, int]] = []
    at = 0
    for word in words:
        begin = text.find(word.text, at)
        if begin >= 0:
            at = begin + len(word.text)
        elif word.struck:
            begin = text.find(word.text)
        if word.struck and begin >= 0:
            spans.append((begin, begin + len(word.text)))
    marked, at = "", 0
    for begin, end in sorted(spans):
        if begin >= at:
            marked += f"{text[at:begin]}{STRUCK_BEGIN}{text[begin:end]}{STRUCK_END}"
            at = end
    return join_struck(marked + text[at:])


def join_struck(text: str) -> str:
    """Struck words that follow each other are one passage."""
    return text.replace(f"{STRUCK_END} {STRUCK_BEGIN}", " ")


def write_marks(text: str) -> str:
    """`text` with `~~` in place of the noncharacters."""
    return join_struck(text).replace(STRUCK_BEGIN, STRUCK_MARK).replace(STRUCK_END, STRUCK_MARK)


def write_elements(escaped: str) -> str:
    """HTML with `del` elements in place of the noncharacters."""
    return join_struck(escaped).replace(STRUCK_BEGIN, "<del>").replace(STRUCK_END, "</del>")


def write_struck(text: str, words: Sequence[DocumentWord]) -> str:
    """`text` with its struck words between `~~`."""
    return write_marks(mark_struck(text, words))


def mark_cells(cells: Sequence[TableCell], lines: Iterable[DocumentLine]) -> list[TableCell]:
    """The cells with the noncharacters in their texts; `lines` are those of the table's region."""
    words = [word for line in lines for word in line.words]
    if not any(word.struck for word in words):
        return list(cells)
    return [cell.model_copy(update={"text": mark_struck(cell.text, select_words(words, cell.box))}) for cell in cells]


def select_words(words: Iterable[DocumentWord], box: tuple[float, float, float, float]) -> list[DocumentWord]:
    """The words whose middle lies in `box`."""
    x0, y0, x1, y1 = box
    return [
        word
        for word in words
        if x0 <= (word.box[0] + word.box[2]) / 2 <= x1 and y0 <= (word.box[1] + word.box[3]) / 2 <= y1
    ]
