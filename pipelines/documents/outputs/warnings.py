"""Says in words what a document's pages do not show: that it is an XFA form or a portfolio, its attachments, and on
which pages OCR met a script that it cannot read."""

from collections.abc import Iterator

from pipelines.documents.types import Document

_XFA = "This PDF is an XFA form: its fields are shown by Adobe's programs only, and are not read."
_FOREIGN = "Text is missing or wrong, as it is in a script that OCR cannot read, on page"
_PORTFOLIO = "This PDF is a portfolio: a cover around the files in it, which are not read."


def describe_warnings(document: Document) -> Iterator[str]:
    """Plain sentences; the names of files are the document's own words."""
    if "xfa-form" in document.warnings:
        yield _XFA
    if "portfolio" in document.warnings:
        yield _PORTFOLIO
    foreign = [str(page.number) for page in document.pages if "script-not-covered" in page.warnings]
    if foreign:
        yield f"{_FOREIGN} {', '.join(foreign)}."
    if document.attachments:
        yield f"Attached files: {', '.join(document.attachments)}"
