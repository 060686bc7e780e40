"""PDF: its end alone. What stands in front of that is read by PDFium, in a process of its own, or not at all."""

from pipelines.moderation.file_structure.part import Anatomy

_END = b"%%EOF"


def pdf(data: bytes) -> Anatomy:
    """The last end counts: a file that was changed has one for each change."""
    at = data.rfind(_END)
    return Anatomy((), len(data) if at < 0 else at + len(_END))
