"""Pipelines for a PDF that was sent without naming any."""

from pipelines.documents.options import DocumentsOptions
from pipelines.faces.options import FacesOptions
from pipelines.text.options import TextOptions
from service.operations.default_analysis import NO_SCOPE, NOT_SERVED, read_document

OPTIONS = {"faces": FacesOptions(), "text": TextOptions()}


def test_its_pages_are_read_in_place_of_the_first_ones_text() -> None:
    options, notes = read_document(OPTIONS, served={"faces", "document"}, is_allowed=True, pages=20)

    assert options == {"faces": FacesOptions(), "document": DocumentsOptions(pages="-20")}
    assert notes == []


def test_a_key_without_the_scope_gets_a_note() -> None:
    assert read_document(OPTIONS, served={"document"}, is_allowed=False, pages=20) == (OPTIONS, [NO_SCOPE])


def test_a_service_without_documents_says_so() -> None:
    assert read_document(OPTIONS, served={"text"}, is_allowed=True, pages=20) == (OPTIONS, [NOT_SERVED])
