"""Listings in PDFs, from their text layer to Markdown."""

import pytest
from reportlab.pdfgen.canvas import Canvas

from pipelines.documents.outputs.markdown import to_markdown
from pipelines.documents.pdf.client import PdfDocument, RenderedPage
from pipelines.documents.pdf.text_layer import read_text_layer
from pipelines.documents.structure.assemble import assemble_regions
from tests.pipelines.documents.conftest import UsePdf
from tests.pipelines.documents.outputs.sample_documents import make_document, make_page
from tests.pipelines.documents.sample_pdfs import HEIGHT, SENTENCES, DrawPage, draw_all, draw_text, make_pdf

LISTINGS = {
    "python": 'def __enter__(self):\n    if not self._open:\n        self._open = True\n    return {"a_b": self[0]}',
    "c": "#include <stdio.h>\n\nint main(void)\n{\n    for (int i = 0; i < 3; i++)\n        puts(names[i]);\n}",
    "shell": "$ ls -l /srv\ntotal 8\ndrwxr-xr-x  2 ada  4096  backups\n-rw-r--r--  1 ada    77  notes.md",
    "yaml in a shell": "$ cat app.yaml\nservice:\n  ports:\n    - 8080\n  image: registry/app:1.4",
    "sql": "SELECT name, count(*)\n  FROM visits\n WHERE day >= '2025-01-01'\n GROUP BY name;",
}


def draw_listing(text: str, *, top: float, size: float = 10) -> DrawPage:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Courier", size)
        for row, line in enumerate(text.splitlines()):
            canvas.drawString(90, HEIGHT - top - 1.3 * size * row, line)

    return draw


@pytest.mark.parametrize("name", LISTINGS)
@pytest.mark.parametrize("size", [8, 11])
def test_a_listing_between_paragraphs_keeps_its_form(use_pdf: UsePdf, name: str, size: float) -> None:
    async def render(pdf: PdfDocument) -> RenderedPage:
        return await pdf.render_page(1, 150)

    listing = draw_listing(LISTINGS[name], top=180, size=size)
    page = use_pdf(make_pdf(draw_all(draw_text(SENTENCES[:4]), listing, draw_text(SENTENCES[4:], top=320))), render)
    assert page.characters is not None

    regions = assemble_regions(read_text_layer(page.pixels, page.characters), [])[0]

    assert f"```\n{LISTINGS[name]}\n```" in to_markdown(make_document(make_page(*regions)))
    assert [region.code for region in regions if region.code is not None] == [LISTINGS[name]]


def test_a_letter_in_courier_is_no_listing(use_pdf: UsePdf) -> None:
    async def render(pdf: PdfDocument) -> RenderedPage:
        return await pdf.render_page(1, 150)

    page = use_pdf(make_pdf(draw_text(font="Courier", size=10)), render)
    assert page.characters is not None

    regions = assemble_regions(read_text_layer(page.pixels, page.characters), [])[0]

    assert all(region.code is None for region in regions)
