"""Documents through a real service and the real command line: every model, every page."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pypdfium2
from PIL import Image, ImageDraw, ImageFont

from tests.pipelines.documents.pdfs import SENTENCES, locked, pdf, scan, text
from tests.serving import Service, run

PDF = pdf(text(), scan, text(["The last page has one line."]))


def note(*lines: str) -> Image.Image:
    """A small page with these lines."""
    page = Image.new("RGB", (620, 60 + 40 * len(lines)), "white")
    pen = ImageDraw.Draw(page)
    for row, line in enumerate(lines):
        pen.text((30, 30 + 40 * row), line, "black", ImageFont.load_default(22))
    return page


def tiff(*pages: Image.Image) -> bytes:
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    return file.getvalue()


def post(service: Service, data: bytes, accept: str = "application/json", **query: Any) -> httpx2.Response:
    reply = service.http.post("/v1/documents", files={"file": ("file", data)}, params=query, headers={"accept": accept})
    assert reply.status_code == 200, reply.text
    return reply


def lines_of(page: dict[str, Any]) -> list[str]:
    return [line["text"] for region in page["regions"] for line in region["lines"]]


def test_pages_of_a_pdf_are_streamed_whether_written_or_scanned(service: Service) -> None:
    reply = post(service, PDF, accept="application/x-ndjson")
    *pages, last = (json.loads(line) for line in reply.text.splitlines())

    assert (reply.headers["content-type"], "result_id" in last) == ("application/x-ndjson", True)
    assert [(page["number"], page["source"]) for page in pages] == [(1, "text_layer"), (2, "ocr"), (3, "text_layer")]
    assert [lines_of(page) for page in pages] == [[*SENTENCES], [*SENTENCES], ["The last page has one line."]]


def test_a_document_reads_the_same_whatever_is_read_at_the_same_time(service: Service) -> None:
    document = tiff(*(note(*SENTENCES[at : at + 3]) for at in range(0, 9, 3)))
    others = [tiff(note(*SENTENCES[at:])) for at in (1, 4, 7)]
    alone = post(service, document).json()["pages"]

    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(lambda data: post(service, data).json()["pages"], [document, *others, document]))

    assert (found[0], found[-1]) == (alone, alone)


def test_the_command_line_reads_every_page_of_every_file_and_says_what_it_could_not(tmp_path: Path) -> None:
    files = {"report.pdf": PDF, "notes.tif": tiff(note("first page"), note("second page")), "secret.pdf": locked("x")}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    done = run("documents", *(str(tmp_path / name) for name in files), "--out", str(tmp_path / "read"), "--draw")

    read = {path.name: path for path in (tmp_path / "read").iterdir()}
    assert (done.returncode, "secret.pdf: this PDF is locked" in done.stderr) == (1, True)
    assert read.keys() == {
        *("report.md", "report-1.png", "report-2.png", "report-3.png"),
        *("notes.md", "notes-1.png", "notes-2.png"),
    }
    assert read["notes.md"].read_text() == "<!-- page 1 -->\n\nfirst page\n\n<!-- page 2 -->\n\nsecond page\n"
    assert read["report.md"].read_text().count(" ".join(SENTENCES)) == 2


def test_a_scan_becomes_a_pdf_in_which_its_words_can_be_found(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(PDF)

    run("documents", str(tmp_path / "report.pdf"), "--format", "pdf", "--out", str(tmp_path / "read"), "--pages", "2")

    made = pypdfium2.PdfDocument(tmp_path / "read" / "report.pdf")
    page = made[0].get_textpage()
    found, written = len(made), page.get_text_range().split()
    page.close()
    made.close()
    assert (found, written) == (1, " ".join(SENTENCES).split())
