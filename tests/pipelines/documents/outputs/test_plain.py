"""Plain text."""

from pipelines.documents.outputs.formats import to_text
from tests.pipelines.documents.outputs.drawn import document, page, region


def test_lines_regions_and_pages_are_kept_apart() -> None:
    found = document(
        page(region("title", "Title"), region("text", "one", "two"), region("figure")),
        page(region("text", "three\x00"), number=2),
    )

    assert to_text(found) == "Title\n\none\ntwo\n\fthree\n"
