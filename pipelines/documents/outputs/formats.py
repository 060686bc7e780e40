"""The forms that a document can be had in, by the names that clients use."""

from dataclasses import dataclass
from typing import Literal

from pipelines.documents.outputs.hocr import to_hocr
from pipelines.documents.outputs.line_joining import clean
from pipelines.documents.outputs.markdown import to_markdown
from pipelines.documents.outputs.searchable_pdf import to_pdf
from pipelines.documents.types import Document, Page


def to_text(document: Document) -> str:
    return "\f".join(_page(page) for page in document.pages)


def _page(page: Page) -> str:
    regions = ("".join(f"{clean(line.text)}\n" for line in region.lines) for region in page.regions)
    return "\n".join(region for region in regions if region)


Form = Literal["markdown", "text", "hocr", "pdf"]


@dataclass(frozen=True, slots=True)
class Kind:
    media_type: str
    suffix: str


KINDS: dict[Form, Kind] = {
    "markdown": Kind("text/markdown; charset=utf-8", ".md"),
    "text": Kind("text/plain; charset=utf-8", ".txt"),
    "hocr": Kind("application/xhtml+xml; charset=utf-8", ".hocr"),
    "pdf": Kind("application/pdf", ".pdf"),
}


def written(document: Document, form: Form) -> bytes:
    """A PDF shows the pages that were read with `pictures`."""
    match form:
        case "markdown":
            return to_markdown(document).encode()
        case "text":
            return to_text(document).encode()
        case "hocr":
            return to_hocr(document).encode()
        case "pdf":
            return to_pdf(document)
