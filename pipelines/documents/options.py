"""Options of the documents pipeline."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, WithJsonSchema

from pipelines.documents.page_ranges import PAGES_PATTERN, parse_page_ranges
from pipelines.documents.pages import DEFAULT_DPI

_MAX_PASSWORD = 127  # characters: no PDF takes more bytes


def _check_pages(pages: str) -> str:
    parse_page_ranges(pages)
    return pages


class DocumentsOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pages: (
        Annotated[
            str,
            StringConstraints(max_length=1000),
            AfterValidator(_check_pages),
            WithJsonSchema({"type": "string", "maxLength": 1000, "pattern": PAGES_PATTERN}),
        ]
        | None
    ) = Field(default=None, description='of a PDF or TIFF: "1-3,7", "5-" or "-2"; all by default')
    dpi: int = Field(
        default=DEFAULT_DPI, ge=36, le=400, description="of PDF pages; boxes are pixels at this resolution"
    )
    ocr: Literal["auto", "force", "never"] = Field(
        default="auto",
        description="auto: only where a PDF page has no text layer that can be trusted; never: not even there",
    )
    password: SecretStr | None = Field(
        default=None,
        max_length=_MAX_PASSWORD,
        description="of a PDF; better in the body than in the query",
    )
    tables: bool = Field(default=True, description="tables with their cells")
    pairs: bool = Field(default=True, description="keys with their values")
    pictures: bool = Field(default=False, description="keep the pages' pictures, to draw on them")
