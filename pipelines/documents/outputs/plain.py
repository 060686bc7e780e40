"""A document as plain text: lines as they stand, an empty line between regions, a form feed between pages."""

from pipelines.documents.outputs.flow import clean
from pipelines.documents.types import Document, Page


def to_text(document: Document) -> str:
    return "\f".join(_page(page) for page in document.pages)


def _page(page: Page) -> str:
    regions = ("".join(f"{clean(line.text)}\n" for line in region.lines) for region in page.regions)
    return "\n".join(region for region in regions if region)
