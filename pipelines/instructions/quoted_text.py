"""Finds phrases that address a language model in the text that answers quote: read in pictures and pages, or alone.

regions, their lines joined by line breaks ─► rules ─► phrases, where they are likely meant for a model
"""

from collections.abc import Sequence

import cv2
import numpy as np

from pipelines.boxes import Box, enclosing_box
from pipelines.documents.outputs.line_joining import line_height
from pipelines.documents.stages import Pixels
from pipelines.documents.struck_text import write_struck
from pipelines.documents.types import DocumentLine, Region
from pipelines.instructions.hidden_text import GreyPixels, find_line_hiding
from pipelines.instructions.page_phrases import find_spanned_texts
from pipelines.instructions.scoring import InstructionMatch, InstructionRules, load_instruction_rules
from pipelines.instructions.types import InstructionPhrase

MAX_SHOWN_LENGTH = 100  # characters of a phrase


def find_instructions(text: str) -> list[InstructionPhrase]:
    """The phrases of a text, by position; none where they are too weak to say that it addresses a model."""
    rules = load_instruction_rules()
    return [_describe(match, rules) for match in rules.find_likely(text)]


def find_in_code(payload: str) -> list[InstructionPhrase]:
    """As `find_instructions`, also where the spaces of a link are escaped."""
    found = find_instructions(unescape_spaces(payload))
    return [phrase.model_copy(update={"text": payload[slice(*phrase.span)][:MAX_SHOWN_LENGTH]}) for phrase in found]


def unescape_spaces(payload: str) -> str:
    """A link with spaces in place of their escapes, as long as before."""
    return payload.replace("%20", "   ")


def find_in_regions(regions: Sequence[Region], pixels: Pixels, scale: float = 1.0) -> list[InstructionPhrase]:
    """As `find_instructions`, with the lines of the phrases; `pixels` are `scale` times the size of the regions' page.

    Linear in the text; .1 s more for the first call of a process.
    """
    lines = [line for region in regions for line in region.lines]
    rules = load_instruction_rules()
    written = [write_struck(line.text, line.words) for line in lines]
    found = rules.find_likely("\n".join(written))
    if not found:
        return []
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    spanned = ([lines[at] for at in find_spanned_texts(written, match.span)] for match in found)
    return [_place(_describe(match, rules), own, grey, scale) for match, own in zip(found, spanned, strict=True)]


def _describe(match: InstructionMatch, rules: InstructionRules) -> InstructionPhrase:
    return InstructionPhrase(
        text=match.text[:MAX_SHOWN_LENGTH], kind=match.kind, strength=rules.strengths[match.kind], span=match.span
    )


def _place(phrase: InstructionPhrase, own: Sequence[DocumentLine], grey: GreyPixels, scale: float) -> InstructionPhrase:
    hidings = [find_line_hiding(_scale_box(line.box, scale), line_height(line) * scale, grey) for line in own]
    where = {
        "lines": [line.id for line in own],
        "box": enclosing_box(line.box for line in own),
        "hiding": hidings[0] if all(hidings) else None,
    }
    return phrase.model_copy(update=where)


def _scale_box(box: Box, scale: float) -> Box:
    x0, y0, x1, y1 = (edge * scale for edge in box)
    return x0, y0, x1, y1
