"""What a caller may ask of the documents pipeline."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from pipelines.documents.pages import PATTERN
from pipelines.documents.picture import DPI


def _checked(pages: str) -> str:
    if re.fullmatch(PATTERN, pages) is None:
        raise ValueError('say which as "1-3,7", "5-" or "-2"')
    return pages


class DocumentsOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pages: Annotated[str, StringConstraints(max_length=1000), AfterValidator(_checked)] | None = Field(
        default=None, description='of a PDF or TIFF: "1-3,7", "5-" or "-2"; all by default'
    )
    dpi: int = Field(default=DPI, ge=36, le=400, description="of PDF pages; boxes are pixels at this resolution")
    ocr: Literal["auto", "force", "never"] = Field(
        default="auto",
        description="auto: where a PDF page has no text layer that can be trusted; never: not even there",
    )
    password: SecretStr | None = Field(default=None, description="of a PDF; better in the body than in the query")
    tables: bool = Field(default=True, description="tables with their cells")
    pairs: bool = Field(default=True, description="keys with their values")
    pictures: bool = Field(default=False, description="keep the pages' pictures, for what is drawn on them")
