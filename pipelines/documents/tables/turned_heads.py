"""Names of columns that are turned by a quarter: the lines of one are joined, and upright names belong to their row."""

from collections.abc import Sequence

from pipelines.boxes import box_height, box_width, horizontal_overlap, vertical_overlap
from pipelines.documents.tables.ruling_lines import RulingLines
from pipelines.documents.tables.tokens import TextToken, group_into_rows

LINES = 0.9  # white between two lines of a name, in line heights, at most
LEVEL = 0.5  # share of their length that two lines of a name have beside each other, at least
OWN_COLUMNS = 0.3  # share of rows with a text under each of two lines from which they name two columns
CORNER = 2.5  # white between the turned names and one in their corner below, in its heights, at most
BESIDE = 0.6  # share of an upright name's height that turned ones stand beside, at least


def join_turned(tokens: Sequence[TextToken], ruling_lines: RulingLines) -> list[TextToken]:
    """The tokens, with the turned lines of each name as one: from left to right if it runs up, else from the right."""
    joined = [token for token in tokens if not token.turn]
    rows = group_into_rows(joined)
    for turn in (270, 90):
        lines = sorted((token for token in tokens if token.turn == turn), key=lambda token: token.box[0])
        names: list[list[TextToken]] = []
        for line in lines:
            if names and _is_next_line(names[-1][-1], line, rows, ruling_lines):
                names[-1].append(line)
            else:
                names.append([line])
        joined += [_join(name[:: 1 if turn == 270 else -1]) for name in names]
    return joined


def _join(name: Sequence[TextToken]) -> TextToken:
    words = tuple(word for line in name for word in line.words)
    return TextToken(words, " ".join(line.text for line in name), name[0].turn)


def _is_next_line(
    one: TextToken, other: TextToken, rows: Sequence[Sequence[TextToken]], ruling_lines: RulingLines
) -> bool:
    """Whether `other` stands close beside `one`, without a line between them, and without columns of their own."""
    white, thickness = other.box[0] - one.box[2], min(box_width(one.box), box_width(other.box))
    level = vertical_overlap(one.box, other.box)
    if white > LINES * thickness or level < LEVEL * min(box_height(one.box), box_height(other.box)):
        return False
    top, bottom = max(one.box[1], other.box[1]), min(one.box[3], other.box[3])
    is_ruled = ruling_lines.has_vertical((one.box[2] + other.box[0]) / 2, top, bottom, max(white, thickness) / 2)
    return not is_ruled and not _have_columns(one, other, rows)


def _have_columns(one: TextToken, other: TextToken, rows: Sequence[Sequence[TextToken]]) -> bool:
    """Whether a text of its own stands above or below each of the two in many of the rows that have one for either."""
    either = both = 0
    for row in rows:
        under = [[horizontal_overlap(token.box, line.box) > 0 for line in (one, other)] for token in row]
        has_one, has_other = [True, False] in under, [False, True] in under
        either += has_one or has_other
        both += has_one and has_other
    return both > 0 and both >= OWN_COLUMNS * either


def join_level_names(rows: Sequence[list[TextToken]]) -> list[list[TextToken]]:
    """The rows, each with upright texts beside its turned ones: `Name` at the foot of the row of turned heads."""
    joined: list[list[TextToken]] = []
    for row in rows:
        if joined and (_stands_beside(row, joined[-1]) or _stands_beside(joined[-1], row)):
            joined[-1] = sorted([*joined[-1], *row], key=lambda token: token.box[0])
        else:
            joined.append(list(row))
    return joined


def _stands_beside(row: Sequence[TextToken], turned: Sequence[TextToken]) -> bool:
    """Whether all texts of the row are upright and stand beside the turned ones, none of them above or below; or it is
    a single text under the corner that the turned ones leave free."""
    heads = [token for token in turned if token.turn]
    if not heads or any(token.turn for token in row):
        return False
    if any(horizontal_overlap(token.box, other.box) for token in row for other in turned):
        return False
    white = row[0].box[1] - max(token.box[3] for token in turned)
    is_corner = len(row) == 1 and all(row[0].box[2] < token.box[0] for token in turned)
    if is_corner and 0 <= white < CORNER * box_height(row[0].box):
        return True
    return all(
        max(vertical_overlap(token.box, head.box) for head in heads) >= BESIDE * box_height(token.box) for token in row
    )
