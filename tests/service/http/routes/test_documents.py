"""`/v1/documents` on an app whose documents pipeline has fake stages."""

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
from pipelines.documents.pdf.client import PdfiumClient
from pipelines.documents.pipeline import DocumentLimits
from pipelines.documents.stages import PageText, Pixels
from pipelines.engine import Engine
from pipelines.image.decode import ImageLimits
from service.http.app import create_app
from service.settings import LimitSettings, Settings
from tests.pipelines.documents.fake_stages import FakeReader, make_documents_pipeline
from tests.pipelines.documents.sample_pdfs import (
    SENTENCES,
    draw_scan,
    draw_text,
    make_locked_pdf,
    make_pdf,
    make_pdf_with_broken_page,
)
from tests.pipelines.images import encode
from tests.serving import problem_code

PDF = make_pdf(draw_text(), draw_text(["second page"]))
NDJSON = {"accept": "application/x-ndjson"}
PROBLEM_JSON = "application/problem+json"


class LateReader(FakeReader):
    """Exceeds the deadline on every page."""

    async def read(self, pixels: Pixels, context: object) -> PageText:
        raise DeadlineExceeded("the reader")


@pytest.fixture
def reader() -> FakeReader:
    return FakeReader()


@pytest.fixture
def http(reader: FakeReader) -> Iterator[TestClient]:
    yield from app_client(reader)


@pytest.fixture
def http_with_late_reader() -> Iterator[TestClient]:
    yield from app_client(LateReader())


def app_client(reader: FakeReader) -> Iterator[TestClient]:
    app, pool, pdfium = (
        create_app(Settings(limits=LimitSettings(max_document_pages=3))),
        CpuPool(threads=2),
        PdfiumClient(),
    )
    settings = app.state.settings
    pipeline = make_documents_pipeline(
        pdfium, pool, reader=reader, limits=DocumentLimits(pages=settings.limits.max_document_pages)
    )
    engine = Engine([pipeline], pool=pool, limits=ImageLimits(), pdfium=pdfium)
    app.state.components = SimpleNamespace(
        engine=engine, pool=pool, fetcher=None, settings=settings, metrics=app.state.metrics
    )
    yield TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
    pool.close()
    pdfium.close()


def post(http: TestClient, data: bytes, headers: dict[str, str] | None = None, **query: Any) -> httpx2.Response:
    return http.post("/v1/documents", files={"file": ("file.pdf", data)}, params=query, headers=headers)


def test_the_answer_has_pages_regions_lines_and_words(http: TestClient) -> None:
    reply = post(http, PDF).json()

    assert reply.keys() >= {"result_id", "image", "prompt", "models", "timings", "page_count", "pages"}
    page = reply["pages"][0]
    assert page["number"] == 1
    assert page["width"] == 1240
    assert page["height"] == 1754
    assert page["rotation"] == 0
    assert page["source"] == "text_layer"
    assert page["dpi"] == 150
    assert page["tables"] == []
    assert "picture" not in page
    region = page["regions"][0]
    assert region.keys() == {"id", "label", "box", "score", "order", "text", "lines"}
    [line] = region["lines"]
    assert line.keys() == {"id", "text", "box", "score", "words"}
    assert line["text"] == SENTENCES[0]
    assert line["words"][0].keys() == {"text", "box", "score", "struck"}


@pytest.mark.parametrize("name", ["document", "image"])
def test_a_document_can_be_sent_in_json(http: TestClient, name: str) -> None:
    data = base64.b64encode(PDF).decode()

    reply = http.post("/v1/documents", json={name: {"data": data}, "pages": "2"}).json()

    assert [page["number"] for page in reply["pages"]] == [2]


def test_two_documents_in_one_body_are_refused(http: TestClient) -> None:
    body = {name: {"data": base64.b64encode(PDF).decode()} for name in ("document", "image")}

    reply = http.post("/v1/documents", json=body)

    assert reply.status_code == 422
    assert problem_code(reply) == "request-rejected"
    assert reply.headers["content-type"] == PROBLEM_JSON


def test_an_image_is_read_as_a_document_of_one_page(http: TestClient) -> None:
    reply = post(http, encode(Image.new("RGB", (200, 100), "white"), "PNG")).json()

    assert [(page["width"], page["source"], "dpi" in page) for page in reply["pages"]] == [(200, "ocr", False)]


def test_each_format_has_its_media_type_and_content(http: TestClient) -> None:
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


def test_pages_are_streamed_one_a_line(http: TestClient) -> None:
    reply = post(http, PDF, headers=NDJSON)

    assert reply.headers["content-type"] == "application/x-ndjson"
    *pages, last = (json.loads(line) for line in reply.text.splitlines())
    assert [page["number"] for page in pages] == [1, 2]
    assert "number" not in last
    assert last["result_id"].startswith("res_")


def test_a_document_that_cannot_be_streamed_has_its_status(http: TestClient) -> None:
    reply = post(http, make_locked_pdf("secret"), headers=NDJSON)

    assert reply.status_code == 422
    assert problem_code(reply) == "document-locked"
    assert reply.headers["content-type"] == PROBLEM_JSON


def test_the_error_that_ends_a_stream_is_its_last_line(http_with_late_reader: TestClient) -> None:
    reply = post(http_with_late_reader, make_pdf(draw_text(), draw_scan), headers=NDJSON)

    first, last = (json.loads(line) for line in reply.text.splitlines())
    assert reply.status_code == 200
    assert first["number"] == 1
    assert last["type"] == "urn:kernelsight:problem:deadline-exceeded"
    assert last["status"] == 504


def test_a_broken_page_is_reported_among_the_others(http: TestClient) -> None:
    pages = post(http, make_pdf_with_broken_page(2, 3)).json()["pages"]

    assert [page.get("error") for page in pages] == [None, "page 2 cannot be read", None]


@pytest.mark.parametrize(
    ("data", "query", "status", "code"),
    [
        (make_locked_pdf("secret"), {}, 422, "document-locked"),
        (make_locked_pdf("secret"), {"password": "wrong"}, 422, "document-locked"),
        (b"%PDF-1.7 and nothing else", {}, 422, "document-corrupt"),
        (PDF, {"pages": "3"}, 422, "request-rejected"),
        (PDF, {"pages": "one"}, 422, "request-rejected"),
        (PDF, {"dpi": 1000}, 422, "request-rejected"),
        (make_pdf(*[draw_text()] * 4), {}, 413, "document-too-many-pages"),
        (b"", {}, 400, "image-empty"),
        (b"plain text", {}, 415, "image-unsupported"),
    ],
)
def test_each_kind_of_bad_document_has_its_problem(
    http: TestClient, data: bytes, query: dict[str, Any], status: int, code: str
) -> None:
    reply = post(http, data, **query)

    assert reply.status_code == status
    assert problem_code(reply) == code
    assert reply.headers["content-type"] == PROBLEM_JSON


def test_a_password_opens_a_document_and_is_not_echoed(http: TestClient) -> None:
    reply = http.post("/v1/documents", files={"file": make_locked_pdf("secret")}, data={"password": "secret"})

    assert reply.status_code == 200
    assert "secret" not in reply.text


def test_analyze_reads_documents_with_their_options(http: TestClient) -> None:
    reply = http.post(
        "/v1/analyze", files={"file": PDF}, data={"document": '{"pages": "2"}'}, params={"pipelines": "document"}
    ).json()

    assert [page["number"] for page in reply["document"]["pages"]] == [2]
    assert reply["image"]["format"] == "PDF"
    assert reply["image"]["frames"] == 2
    assert "second page" in reply["prompt"]
