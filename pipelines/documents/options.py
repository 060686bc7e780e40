"""Options of the documents pipeline, and the selection of pages."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from pipelines.documents.errors import TooManyPages
from pipelines.documents.pages import DEFAULT_DPI
from pipelines.errors import RequestRejected

PAGES_PATTERN = r"^ *(\d{1,6}|\d{1,6} *- *(\d{1,6})?|- *\d{1,6})( *, *(\d{1,6}|\d{1,6} *- *(\d{1,6})?|- *\d{1,6}))* *$"


def select_pages(selection: str | None, count: int, *, limit: int) -> list[int]:
    """Page numbers from 1, each once, ascending. `selection` matches PAGES_PATTERN; a range may end beyond `count`.

    Raises RequestRejected for a page that the document does not have, and TooManyPages.
    """
    if selection is None:
        numbers = set(range(1, min(count, limit + 1) + 1))
    else:
        numbers = set().union(*(_parse_range(part.strip(), count) for part in selection.split(",")))
    if len(numbers) > limit:
        raise TooManyPages(count if selection is None else len(numbers), limit)
    return sorted(numbers)


def _parse_range(part: str, count: int) -> range:
    match = re.fullmatch(r"(\d*) *(-?) *(\d*)", part)
    assert match is not None  # PAGES_PATTERN was checked
    first = int(match[1] or 1)
    last = first if not match[2] else int(match[3] or count)
    if not 1 <= first <= count or last < first:
        raise RequestRejected(f"pages: there is no {part!r} in a document of {count} page{'s'[: count != 1]}")
    return range(first, min(last, count) + 1)


def _check_pattern(pages: str) -> str:
    if re.fullmatch(PAGES_PATTERN, pages) is None:
        raise ValueError('say which as "1-3,7", "5-" or "-2"')
    return pages


class DocumentsOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pages: Annotated[str, StringConstraints(max_length=1000), AfterValidator(_check_pattern)] | None = Field(
        default=None, description='of a PDF or TIFF: "1-3,7", "5-" or "-2"; all by default'
    )
    dpi: int = Field(
        default=DEFAULT_DPI, ge=36, le=400, description="of PDF pages; boxes are pixels at this resolution"
    )
    ocr: Literal["auto", "force", "never"] = Field(
        default="auto",
        description="auto: only where a PDF page has no text layer that can be trusted; never: not even there",
    )
    password: SecretStr | None = Field(default=None, description="of a PDF; better in the body than in the query")
    tables: bool = Field(default=True, description="tables with their cells")
    pairs: bool = Field(default=True, description="keys with their values")
    pictures: bool = Field(default=False, description="keep the pages' pictures, to draw on them")
