"""Damage to a file's parts: the edits that hypothesis draws, and what they do."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, get_args

from hypothesis import strategies as st

from tests.pipelines.image.file_parts import DividedFile, FilePart, iter_places

PartAction = Literal[
    "drop", "repeat", "swap", "rename", "claim", "overwrite", "cut", "extend", "adopt", "number", "flip"
]
_MOST_PARTS = 200  # repeats of repeats must not fill the memory
_MOST_BYTES = 100_000
_NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**64 - 1)


@dataclass(frozen=True)
class PartEdit:
    """`part` and `other` count through all parts, and `place` through a part's bytes, again and again."""

    action: PartAction
    part: int
    other: int
    place: int
    new: bytes
    number: int
    width: int
    is_little: bool

    @property
    def packed(self) -> bytes:
        return (self.number % (1 << 8 * self.width)).to_bytes(self.width, "little" if self.is_little else "big")


# Not floats: hypothesis would draw 0, and so the first part, far more often than any other.
_INDICES = st.integers(0, 9_999)
PART_EDITS = st.lists(
    st.builds(
        PartEdit,
        action=st.sampled_from(get_args(PartAction)),
        part=_INDICES,
        other=_INDICES,
        place=_INDICES | st.integers(0, 12),
        new=st.binary(min_size=1, max_size=8),
        number=st.sampled_from(_NUMBERS) | st.integers(0, 300),
        width=st.sampled_from((1, 2, 4, 8)),
        is_little=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


def damage(file: DividedFile, edits: list[PartEdit]) -> bytes:
    parts = deepcopy(file.parts)
    for edit in edits:
        _apply(parts, edit, file.words)
    return file.assemble(parts)[:_MOST_BYTES]


def _apply(parts: list[FilePart], edit: PartEdit, words: tuple[bytes, ...]) -> None:
    places = list(iter_places(parts))
    if not places:
        return
    siblings, index = places[edit.part % len(places)]
    others, other_index = places[edit.other % len(places)]
    part, other = siblings[index], others[other_index]
    match edit.action:
        case "drop":
            del siblings[index]
        case "repeat" if len(places) < _MOST_PARTS:
            siblings[index:index] = deepcopy([part] * (1 + edit.number % 20))
        case "swap":
            part.kind, part.body, other.kind, other.body = other.kind, other.body, part.kind, part.body
        case "rename" if not words:
            part.kind = edit.new[: len(part.kind)].ljust(len(part.kind), b" ")
        case "claim":
            part.claimed = edit.number
        case "adopt":
            part.body = other.body
        case _:
            part.body = _edit_text(part.body, edit, words) if words else _edit_bytes(part.body, edit)


def _edit_text(body: bytes, edit: PartEdit, words: tuple[bytes, ...]) -> bytes:
    match edit.action:
        case "rename":
            return words[edit.place % len(words)]
        case "number":
            return b"%d" % (-edit.number if edit.is_little else edit.number)
        case _:
            return _edit_bytes(body, edit)


def _edit_bytes(body: bytes, edit: PartEdit) -> bytes:
    at = edit.place % max(1, len(body))
    match edit.action:
        case "overwrite":
            return body[:at] + edit.new + body[at + len(edit.new) :]
        case "number":
            at -= at % edit.width
            return body[:at] + edit.packed + body[at + edit.width :]
        case "flip" if body:
            return body[:at] + bytes([body[at] ^ 1 << edit.number % 8]) + body[at + 1 :]
        case "cut":
            return body[:at]
        case "extend":
            return body + edit.new
        case _:
            return body
