"""`/v1/documents` on an app whose documents pipeline has stages of the tests."""

import base64
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import httpx2
import pypdfium2
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from models.errors import DeadlineExceeded
from pipelines.cpu_pool import CpuPool
from pipelines.documents.pdf.client import Pdfium
from pipelines.documents.pipeline import DocumentLimits
from pipelines.documents.stages import PageText, Pixels
from pipelines.engine import Engine
from pipelines.image.decode import Limits
from service.http.app import create_app
from service.settings import Settings
from tests.pipelines.documents.pdfs import SENTENCES, locked, pdf, scan, text, with_broken_page
from tests.pipelines.documents.stages import FakeReader, documents
from tests.pipelines.images import encode

PDF = pdf(text(), text(["second page"]))
LINES = {"accept": "application/x-ndjson"}


class LateReader(FakeReader):
    """Has no time for any page."""

    async def read(self, pixels: Pixels, context: object) -> PageText:
        raise DeadlineExceeded("the reader")


@pytest.fixture
def reader() -> FakeReader:
    return FakeReader()


@pytest.fixture
def http(reader: FakeReader) -> Iterator[TestClient]:
    yield from served(reader)


@pytest.fixture
def late() -> Iterator[TestClient]:
    yield from served(LateReader())


def served(reader: FakeReader) -> Iterator[TestClient]:
    app, pool, pdfium = create_app(Settings(max_document_pages=3)), CpuPool(threads=2), Pdfium()
    settings = app.state.settings
    pipeline = documents(pdfium, pool, reader=reader, limits=DocumentLimits(pages=settings.max_document_pages))
    engine = Engine([pipeline], pool=pool, limits=Limits(), pdfium=pdfium)
    app.state.components = SimpleNamespace(
        engine=engine, pool=pool, fetcher=None, settings=settings, metrics=app.state.metrics
    )
    yield TestClient(app, raise_server_exceptions=False)
    pool.close()
    pdfium.close()


def post(http: TestClient, data: bytes, headers: dict[str, str] | None = None, **query: Any) -> httpx2.Response:
    return http.post("/v1/documents", files={"file": ("file.pdf", data)}, params=query, headers=headers)


def code(reply: httpx2.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "application/problem+json"
    return reply.status_code, reply.json()["type"].rpartition(":")[2]


def test_the_answer_has_pages_regions_lines_and_words(http: TestClient) -> None:
    reply = post(http, PDF).json()

    assert reply.keys() >= {"result_id", "image", "prompt", "models", "timings", "page_count", "pages"}
    page = reply["pages"][0]
    assert (page["number"], page["width"], page["height"], page["rotation"]) == (1, 1240, 1754, 0)
    assert (page["source"], page["dpi"], page["tables"], "picture" in page) == ("text_layer", 150, [], False)
    region = page["regions"][0]
    assert region.keys() == {"label", "box", "score", "order", "lines"}
    [line] = region["lines"]
    assert line.keys() == {"text", "box", "score", "words"}
    assert (line["text"], line["words"][0].keys()) == (SENTENCES[0], {"text", "box", "score"})


@pytest.mark.parametrize("name", ["document", "image"])
def test_a_document_may_come_in_json(http: TestClient, name: str) -> None:
    data = base64.b64encode(PDF).decode()

    reply = http.post("/v1/documents", json={name: {"data": data}, "pages": "2"}).json()

    assert [page["number"] for page in reply["pages"]] == [2]


def test_two_documents_in_one_body_are_refused(http: TestClient) -> None:
    body = {name: {"data": base64.b64encode(PDF).decode()} for name in ("document", "image")}

    assert code(http.post("/v1/documents", json=body)) == (422, "request-rejected")


def test_images_are_documents(http: TestClient) -> None:
    reply = post(http, encode(Image.new("RGB", (200, 100), "white"), "PNG")).json()

    assert [(page["width"], page["source"], "dpi" in page) for page in reply["pages"]] == [(200, "ocr", False)]


def test_markdown_text_hocr_and_pdf_come_as_such(http: TestClient) -> None:
    replies = {form: post(http, PDF, format=form) for form in ("markdown", "text", "hocr", "pdf")}

    assert {form: reply.headers["content-type"] for form, reply in replies.items()} == {
        "markdown": "text/markdown; charset=utf-8",
        "text": "text/plain; charset=utf-8",
        "hocr": "application/xhtml+xml; charset=utf-8",
        "pdf": "application/pdf",
    }
    assert replies["markdown"].text.endswith("<!-- page 2 -->\n\nsecond page\n")
    assert replies["text"].text.endswith("\fsecond page\n")
    assert ElementTree.fromstring(replies["hocr"].text).tag.endswith("html")
    made = pypdfium2.PdfDocument(replies["pdf"].content)
    count = len(made)
    made.close()
    assert count == 2


def test_pages_are_streamed_a_line_each(http: TestClient) -> None:
    reply = post(http, PDF, headers=LINES)

    assert reply.headers["content-type"] == "application/x-ndjson"
    *pages, last = (json.loads(line) for line in reply.text.splitlines())
    assert ([page["number"] for page in pages], "number" in last) == ([1, 2], False)
    assert last["result_id"].startswith("res_")


def test_what_is_wrong_with_a_streamed_document_has_its_status(http: TestClient) -> None:
    assert code(post(http, locked("secret"), headers=LINES)) == (422, "document-locked")


def test_what_stops_a_stream_is_its_last_line(late: TestClient) -> None:
    reply = post(late, pdf(text(), scan), headers=LINES)

    first, last = (json.loads(line) for line in reply.text.splitlines())
    assert (reply.status_code, first["number"]) == (200, 1)
    assert (last["type"], last["status"]) == ("urn:kernelsight:problem:deadline-exceeded", 504)


def test_a_broken_page_is_reported_among_the_others(http: TestClient) -> None:
    pages = post(http, with_broken_page(2, 3)).json()["pages"]

    assert [page.get("error") for page in pages] == [None, "page 2 cannot be read", None]


@pytest.mark.parametrize(
    ("data", "query", "problem"),
    [
        (locked("secret"), {}, (422, "document-locked")),
        (locked("secret"), {"password": "wrong"}, (422, "document-locked")),
        (b"%PDF-1.7 and nothing else", {}, (422, "document-corrupt")),
        (PDF, {"pages": "3"}, (422, "request-rejected")),
        (PDF, {"pages": "one"}, (422, "request-rejected")),
        (PDF, {"dpi": 1000}, (422, "request-rejected")),
        (pdf(*[text()] * 4), {}, (413, "document-too-many-pages")),
        (b"", {}, (400, "image-empty")),
        (b"plain text", {}, (415, "image-unsupported")),
    ],
)
def test_each_kind_of_trouble_has_its_problem(
    http: TestClient, data: bytes, query: dict[str, Any], problem: tuple[int, str]
) -> None:
    assert code(post(http, data, **query)) == problem


def test_a_password_opens_a_locked_document_and_is_not_repeated(http: TestClient) -> None:
    reply = http.post("/v1/documents", files={"file": locked("secret")}, data={"password": "secret"})

    assert (reply.status_code, "secret" in reply.text) == (200, False)


def test_analyze_reads_documents_with_their_options(http: TestClient) -> None:
    reply = http.post(
        "/v1/analyze", files={"file": PDF}, data={"document": '{"pages": "2"}'}, params={"pipelines": "document"}
    ).json()

    assert [page["number"] for page in reply["document"]["pages"]] == [2]
    assert (reply["image"]["format"], reply["image"]["frames"]) == ("PDF", 2)
    assert "second page" in reply["prompt"]
