"""Which files are documents by themselves."""

import pytest
from PIL import Image

from pipelines.documents.pages import has_pages
from tests.pipelines.documents.sample_pdfs import draw_text, make_pdf
from tests.pipelines.images import animation, encode

PAGE = Image.new("RGB", (40, 30), "white")


@pytest.mark.parametrize(
    ("data", "is_document"),
    [
        (make_pdf(draw_text()), True),
        (encode(PAGE, "TIFF", save_all=True, append_images=[PAGE]), True),
        (encode(PAGE, "TIFF"), False),
        (animation(3, "GIF"), False),
        (encode(PAGE, "PNG"), False),
        (b"II*\0 damaged", False),
        (b"", False),
    ],
    ids=["pdf", "tiff of two", "tiff of one", "gif", "png", "damaged", "empty"],
)
def test_pdfs_and_tiffs_of_several_pages_are_documents(data: bytes, is_document: bool) -> None:
    assert has_pages(data) is is_document
