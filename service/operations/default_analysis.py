"""Decides which pipelines a file gets that was sent for analysis without naming any."""

from collections.abc import Container, Mapping

from pydantic import BaseModel

from pipelines.documents.options import DocumentsOptions

NOT_SERVED = "the document was not read: this service does not serve the pipeline 'document'"
NO_SCOPE = "the document was not read: this key has no scope 'documents'"


def read_document(
    options: Mapping[str, BaseModel], *, served: Container[str], is_allowed: bool, pages: int
) -> tuple[Mapping[str, BaseModel], list[str]]:
    """The options for a PDF or a TIFF of several pages, the first `pages` of which are read; and notes.

    Where it may not be read, `text` looks at its first page, as at any picture.
    """
    if "document" not in served:
        return options, [NOT_SERVED]
    if not is_allowed:
        return options, [NO_SCOPE]
    others = {name: one for name, one in options.items() if name != "text"}
    return others | {"document": DocumentsOptions(pages=f"-{pages}")}, []
