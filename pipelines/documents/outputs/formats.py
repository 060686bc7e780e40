"""Output formats of documents, by the names that clients use."""

from dataclasses import dataclass
from typing import Literal

from pipelines.documents.outputs.hocr import to_hocr
from pipelines.documents.outputs.line_joining import clean_code, clean_text
from pipelines.documents.outputs.markdown import to_markdown
from pipelines.documents.outputs.searchable_pdf import to_pdf
from pipelines.documents.struck_text import write_struck
from pipelines.documents.types import Document, Page, Region


def to_text(document: Document) -> str:
    return "\f".join(_page_text(page) for page in document.pages)


def _page_text(page: Page) -> str:
    return "\n".join(text for text in map(_region_text, page.regions) if text)


def _region_text(region: Region) -> str:
    if region.code is not None:
        return f"{clean_code(region.code)}\n"
    return "".join(f"{clean_text(write_struck(line.text, line.words))}\n" for line in region.lines)


FormatName = Literal["markdown", "text", "hocr", "pdf"]


@dataclass(frozen=True, slots=True)
class OutputFormat:
    media_type: str
    suffix: str


OUTPUT_FORMATS: dict[FormatName, OutputFormat] = {
    "markdown": OutputFormat("text/markdown; charset=utf-8", ".md"),
    "text": OutputFormat("text/plain; charset=utf-8", ".txt"),
    "hocr": OutputFormat("application/xhtml+xml; charset=utf-8", ".hocr"),
    "pdf": OutputFormat("application/pdf", ".pdf"),
}


def encode_document(document: Document, format_name: FormatName) -> bytes:
    """A PDF shows the pictures of pages that have one: read them with the option `pictures`."""
    match format_name:
        case "markdown":
            return to_markdown(document).encode()
        case "text":
            return to_text(document).encode()
        case "hocr":
            return to_hocr(document).encode()
        case "pdf":
            return to_pdf(document)
