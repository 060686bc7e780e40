"""Says in words what a document's pages do not show: that it is an XFA form or a portfolio, and its attachments."""

from collections.abc import Iterator

from pipelines.documents.types import Document

_XFA = "This PDF is an XFA form: its fields are shown by Adobe's programs only, and are not read."
_PORTFOLIO = "This PDF is a portfolio: a cover around the files in it, which are not read."


def describe_warnings(document: Document) -> Iterator[str]:
    """Plain sentences; the names of files are the document's own words."""
    if "xfa-form" in document.warnings:
        yield _XFA
    if "portfolio" in document.warnings:
        yield _PORTFOLIO
    if document.attachments:
        yield f"Attached files: {', '.join(document.attachments)}"
