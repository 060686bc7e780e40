"""Reads a page's form fields and notes with PDFium, before they are merged into its content. Runs in its process."""

import ctypes
from codecs import utf_16_le_decode
from collections.abc import Iterator
from typing import Any

import pypdfium2.raw as pdfium

from pipelines.documents.pdf.page_annotations import (
    MAX_ANNOTATIONS,
    MAX_ATTACHMENTS,
    MAX_FILE_NAME,
    MAX_TEXT,
    AnnotationKind,
    PdfAnnotation,
)

_HIDDEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_FIELDS: dict[int, AnnotationKind] = {
    pdfium.FPDF_FORMFIELD_TEXTFIELD: "text",
    pdfium.FPDF_FORMFIELD_CHECKBOX: "checkbox",
    pdfium.FPDF_FORMFIELD_RADIOBUTTON: "radio",
    pdfium.FPDF_FORMFIELD_COMBOBOX: "choice",
    pdfium.FPDF_FORMFIELD_LISTBOX: "choice",
    pdfium.FPDF_FORMFIELD_SIGNATURE: "signature",
}
# Kinds whose contents are a comment; a free text's contents are drawn on the page.
_NOTES = (
    pdfium.FPDF_ANNOT_TEXT,
    pdfium.FPDF_ANNOT_HIGHLIGHT,
    pdfium.FPDF_ANNOT_UNDERLINE,
    pdfium.FPDF_ANNOT_SQUIGGLY,
    pdfium.FPDF_ANNOT_STRIKEOUT,
    pdfium.FPDF_ANNOT_STAMP,
    pdfium.FPDF_ANNOT_CARET,
    pdfium.FPDF_ANNOT_INK,
    pdfium.FPDF_ANNOT_SQUARE,
    pdfium.FPDF_ANNOT_CIRCLE,
    pdfium.FPDF_ANNOT_LINE,
    pdfium.FPDF_ANNOT_POLYGON,
    pdfium.FPDF_ANNOT_FILEATTACHMENT,
)


def read_annotations(page: Any, form: Any) -> list[PdfAnnotation]:
    """Those that people see, their boxes in points: left, bottom, right, top.

    `form` is the document's form environment, None where it has no form.
    """
    return list(_read_all(page, form))


def find_strikeouts(page: Any) -> list[tuple[float, float, float, float]]:
    """Lines in points through the words that a strike-out annotation marks, drawn by viewers without being painted."""
    lines = []
    points = pdfium.FS_QUADPOINTSF()
    for annotation in _open_annotations(page):
        if pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_STRIKEOUT and not _is_hidden(annotation):
            for index in range(min(pdfium.FPDFAnnot_CountAttachmentPoints(annotation), MAX_ANNOTATIONS)):
                if pdfium.FPDFAnnot_GetAttachmentPoints(annotation, index, points):
                    xs = (points.x1, points.x2, points.x3, points.x4)
                    ys = (points.y1, points.y2, points.y3, points.y4)
                    middle = (min(ys) + max(ys)) / 2
                    lines.append((min(xs), middle, max(xs), middle))
    return lines


def list_attachments(document: Any) -> list[str]:
    """The names of files inside the PDF."""
    count = min(pdfium.FPDFDoc_GetAttachmentCount(document), MAX_ATTACHMENTS)
    files = (pdfium.FPDFDoc_GetAttachment(document, index) for index in range(count))
    return [_read_text(pdfium.FPDFAttachment_GetName, file)[:MAX_FILE_NAME] for file in files if file]


def _read_all(page: Any, form: Any) -> Iterator[PdfAnnotation]:
    for annotation in _open_annotations(page):
        if _is_hidden(annotation):
            continue
        rect = pdfium.FS_RECTF()
        pdfium.FPDFAnnot_GetRect(annotation, rect)
        (left, right), (bottom, top) = sorted((rect.left, rect.right)), sorted((rect.bottom, rect.top))
        box = left, bottom, right, top
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium.FPDF_ANNOT_WIDGET and form is not None:
            yield from _read_field(annotation, form, box)
        elif kind in _NOTES and (text := _read_key(annotation, b"Contents").strip()):
            yield PdfAnnotation("note", _read_key(annotation, b"NM"), _read_key(annotation, b"T"), text, None, box)


def _open_annotations(page: Any) -> Iterator[Any]:
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if annotation:
            try:
                yield annotation
            finally:
                pdfium.FPDFPage_CloseAnnot(annotation)


def _is_hidden(annotation: Any) -> bool:
    return bool(pdfium.FPDFAnnot_GetFlags(annotation) & _HIDDEN)


def _read_field(annotation: Any, form: Any, box: Any) -> Iterator[PdfAnnotation]:
    kind = _FIELDS.get(pdfium.FPDFAnnot_GetFormFieldType(form, annotation))
    if kind is None:
        return
    name = _read_text(pdfium.FPDFAnnot_GetFormFieldName, form, annotation)
    label = _read_text(pdfium.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
    value, checked = "", None
    if kind in ("checkbox", "radio"):
        checked = bool(pdfium.FPDFAnnot_IsChecked(form, annotation))
        value = _read_text(pdfium.FPDFAnnot_GetFormFieldExportValue, form, annotation)
    elif kind == "signature":
        checked = bool(pdfium.FPDFAnnot_HasKey(annotation, b"V"))
    elif not pdfium.FPDFAnnot_GetFormFieldFlags(form, annotation) & pdfium.FPDF_FORMFLAG_TEXT_PASSWORD:
        value = _read_choices(annotation, form) if kind == "choice" else ""
        value = value or _read_text(pdfium.FPDFAnnot_GetFormFieldValue, form, annotation)
    yield PdfAnnotation(kind, name, label, value, checked, box)


def _read_choices(annotation: Any, form: Any) -> str:
    """The labels of what is chosen; the field's own value may be a code."""
    count = min(pdfium.FPDFAnnot_GetOptionCount(form, annotation), MAX_ANNOTATIONS)
    chosen = [index for index in range(count) if pdfium.FPDFAnnot_IsOptionSelected(form, annotation, index)]
    labels = (_read_text(pdfium.FPDFAnnot_GetOptionLabel, form, annotation, index) for index in chosen)
    return "; ".join(labels)[:MAX_TEXT]


def _read_key(annotation: Any, key: bytes) -> str:
    return _read_text(pdfium.FPDFAnnot_GetStringValue, annotation, key)


def _read_text(read: Any, *arguments: Any) -> str:
    """UTF-16 that PDFium writes into a buffer whose size in bytes it says first."""
    size = read(*arguments, None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    read(*arguments, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    text, _ = utf_16_le_decode(buffer.raw, "replace")  # `bytes.decode` would import it, which confinement forbids
    return text.rstrip("\0")[:MAX_TEXT]
