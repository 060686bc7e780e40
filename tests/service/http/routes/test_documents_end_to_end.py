"""Documents through a running service and the command line, with every model."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pypdfium2
from PIL import Image, ImageDraw, ImageFont

from tests.pipelines.documents.sample_pdfs import SENTENCES, draw_scan, draw_text, make_locked_pdf, make_pdf
from tests.serving import Service, run

PDF = make_pdf(draw_text(), draw_scan, draw_text(["The last page has one line."]))


def draw_page(*lines: str) -> Image.Image:
    """A small page with these lines of text."""
    page = Image.new("RGB", (620, 60 + 40 * len(lines)), "white")
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        pen.text((30, 30 + 40 * row), line, "black", ImageFont.load_default(22))
    return page


def encode_tiff(*pages: Image.Image) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    return file.getvalue()


def post(service: Service, data: bytes, accept: str = "application/json", **query: Any) -> httpx2.Response:
    reply = service.http.post("/v1/documents", files={"file": ("file", data)}, params=query, headers={"accept": accept})
    assert reply.status_code == 200, reply.text
    return reply


def lines_of(page: dict[str, Any]) -> list[str]:
    return [line["text"] for region in page["regions"] for line in region["lines"]]


def test_a_pdfs_text_pages_and_scanned_pages_are_streamed(service: Service) -> None:
    reply = post(service, PDF, accept="application/x-ndjson")
    *pages, last = (json.loads(line) for line in reply.text.splitlines())

    assert reply.headers["content-type"] == "application/x-ndjson"
    assert "result_id" in last
    assert [(page["number"], page["source"]) for page in pages] == [(1, "text_layer"), (2, "ocr"), (3, "text_layer")]
    assert [lines_of(page) for page in pages] == [[*SENTENCES], [*SENTENCES], ["The last page has one line."]]


def test_a_document_reads_the_same_beside_other_documents(service: Service) -> None:
    document = encode_tiff(*(draw_page(*SENTENCES[at : at + 3]) for at in range(0, 9, 3)))
    others = [encode_tiff(draw_page(*SENTENCES[at:])) for at in (1, 4, 7)]
    alone = post(service, document).json()["pages"]

    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda data: post(service, data).json()["pages"], [document, *others, document]))

    assert found[0] == alone
    assert found[-1] == alone


def test_the_command_line_reads_all_files_and_names_unreadable_ones(tmp_path: Path) -> None:
    files = {
        "report.pdf": PDF,
        "notes.tif": encode_tiff(draw_page("first page"), draw_page("second page")),
        "secret.pdf": make_locked_pdf("x"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    done = run("documents", *(str(tmp_path / name) for name in files), "--out", str(tmp_path / "read"), "--draw")

    read = {path.name: path for path in (tmp_path / "read").iterdir()}
    assert done.returncode == 1
    assert "secret.pdf: this PDF is locked" in done.stderr
    assert read.keys() == {
        *("report.md", "report-1.png", "report-2.png", "report-3.png"),
        *("notes.md", "notes-1.png", "notes-2.png"),
    }
    assert read["notes.md"].read_text() == "<!-- page 1 -->\n\nfirst page\n\n<!-- page 2 -->\n\nsecond page\n"
    assert read["report.md"].read_text().count(" ".join(SENTENCES)) == 2


def test_a_scan_becomes_a_searchable_pdf(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(PDF)

    run("documents", str(tmp_path / "report.pdf"), "--format", "pdf", "--out", str(tmp_path / "read"), "--pages", "2")

    document = pypdfium2.PdfDocument(tmp_path / "read" / "report.pdf")
    page = document[0].get_textpage()
    found, written = len(document), page.get_text_range().split()
    page.close()
    document.close()
    assert found == 1
    assert written == " ".join(SENTENCES).split()
