"""Form fields and notes of a PDF page, as PDFium's process hands them over. Needs no PDFium."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from pipelines.documents.pdf.page_characters import Floats

MAX_ANNOTATIONS = 2_000  # of a page
MAX_ATTACHMENTS, MAX_FILE_NAME = 100, 200  # files in a document that are named, and characters of a name
MAX_TEXT = 10_000  # characters of a value or note
MAX_BYTES = 4 * 2**20  # of all annotations of a page

AnnotationKind = Literal["text", "checkbox", "radio", "choice", "signature", "note"]
_Text = Annotated[str, Field(max_length=MAX_TEXT)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class PdfAnnotation:
    """A field's widget, or a note that somebody has put on the page. Boxes are pixels, in PDFium's process points.

    `label` is the field's name for people, or the note's author; `checked` is None for all but boxes, radio buttons and
    signatures (whether it is signed).
    """

    kind: AnnotationKind
    name: _Text
    label: _Text
    value: _Text
    checked: bool | None
    box: tuple[_Number, _Number, _Number, _Number]

    def scaled(self, to_pixels: Callable[[Floats], Floats]) -> "PdfAnnotation":
        """With its box, which is in points, in pixels."""
        x0, y0, x1, y1 = to_pixels(np.array([self.box], np.float32))[0].tolist()
        return replace(self, box=(x0, y0, x1, y1))

    @property
    def is_button(self) -> bool:
        return self.kind in ("checkbox", "radio")


_LIST = TypeAdapter(Annotated[list[PdfAnnotation], Field(max_length=MAX_ANNOTATIONS)])


def pack_annotations(annotations: Sequence[PdfAnnotation]) -> NDArray[np.uint8]:
    """JSON as an array, because a message's facts are small. Too many are left out from the end."""
    kept, size = [], 2
    for one in annotations[:MAX_ANNOTATIONS]:
        kept.append(json.dumps(asdict(one)))  # ASCII: lone surrogates, too
        size += len(kept[-1]) + 1
        if size > MAX_BYTES:
            kept.pop()
            break
    return np.frombuffer(f"[{','.join(kept)}]".encode(), np.uint8)


def unpack_annotations(packed: NDArray[np.uint8]) -> list[PdfAnnotation]:
    """Raises ValueError for what no sound process packs."""
    if packed.dtype != np.uint8 or packed.ndim != 1 or len(packed) > MAX_BYTES:
        raise ValueError("a reply with annotations that cannot be")
    return _LIST.validate_json(packed.tobytes())
