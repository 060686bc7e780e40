"""Plain text."""

from pipelines.documents.outputs.formats import to_text
from tests.pipelines.documents.outputs.sample_documents import make_document, make_page, make_region


def test_text_separates_lines_regions_and_pages() -> None:
    found = make_document(
        make_page(make_region("title", "Title"), make_region("text", "one", "two"), make_region("figure")),
        make_page(make_region("text", "three\x00"), number=2),
    )

    assert to_text(found) == "Title\n\none\ntwo\n\fthree\n"
