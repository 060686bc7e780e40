"""Text in `/v1/analyze` on a running service: pictures by default, PDFs and TIFFs without being asked for."""

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from service.keys.key_file import KeyFile
from service.keys.scopes import SCOPES
from tests.conftest import Jpeg
from tests.pipelines.documents.sample_pdfs import SENTENCES, draw_text, make_pdf
from tests.pipelines.images import encode, photograph
from tests.pipelines.text.conftest import draw_error_dialog, write
from tests.serving import Service, serving

PDF = make_pdf(draw_text(), draw_text(["second page"]), draw_text(["third page"]))


@pytest.fixture(scope="module")
def reading_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, dict[str, str]]]:
    """Serves keys `reader`, and `viewer`, which has no scope for documents; reads two pages without being asked."""
    file = KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")
    tokens = {"reader": file.create("reader", scopes=SCOPES), "viewer": file.create("viewer", scopes=["analyze"])}
    with serving(keys=str(file.path), pipelines="features,faces,text,document", text_pages="2") as service:
        yield service, tokens


def analyze(
    running: tuple[Service, dict[str, str]], data: bytes, *, key: str = "reader", **query: str
) -> dict[str, Any]:
    service, tokens = running
    reply = service.http.post(
        "/v1/analyze",
        files={"file": ("file", data)},
        params=query,
        headers={"Authorization": f"Bearer {tokens[key]}"},
    )
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def test_a_sign_is_quoted_with_an_id_and_has_a_box(reading_service: tuple[Service, dict[str, str]]) -> None:
    image = photograph("coffee")
    image.paste("#0b5d2a", (40, 40, 300, 110))
    write(image, (60, 55), "Fire exit", 34, "white")

    answer = analyze(reading_service, encode(image, "PNG"))

    [region] = answer["text"]["regions"]
    assert region["id"] == "p1.r1"
    assert region["text"] == "Fire exit"
    assert "[p1.r1] Fire exit" in answer["prompt"]


def test_a_photograph_without_text_says_nothing_about_text(
    reading_service: tuple[Service, dict[str, str]], jpeg: Jpeg
) -> None:
    answer = analyze(reading_service, jpeg("cat"))

    assert answer["text"] == {"regions": [], "unread_lines": 0, "addresses_model": False, "instructions": []}
    assert "ritten" not in answer["prompt"]


def test_text_can_be_switched_off(reading_service: tuple[Service, dict[str, str]]) -> None:
    answer = analyze(reading_service, encode(draw_error_dialog("It failed."), "PNG"), text="off")

    assert "text" not in answer


def test_a_pdf_is_read_without_being_asked_for(reading_service: tuple[Service, dict[str, str]]) -> None:
    answer = analyze(reading_service, PDF)

    assert answer["prompt"].startswith("Document: 2 of 3 pages read.")
    assert f"[p1.r1] {SENTENCES[0]}" in answer["prompt"]
    assert "[p2.r1] second page" in answer["prompt"]
    assert "It shows" not in answer["prompt"]
    assert "notes" not in answer
    assert "features" in answer
    assert "text" not in answer


def test_full_reads_all_pages(reading_service: tuple[Service, dict[str, str]]) -> None:
    assert "[p3.r1] third page" in analyze(reading_service, PDF, text="full")["prompt"]


def test_a_tiff_of_several_pages_is_read(reading_service: tuple[Service, dict[str, str]]) -> None:
    pages = [Image.new("RGB", (620, 200), "white") for _ in range(2)]
    for page, words in zip(pages, ("first page", "second page"), strict=True):
        write(page, (30, 60), words, 40)

    answer = analyze(reading_service, encode(pages[0], "TIFF", save_all=True, append_images=pages[1:]))

    assert "[p2.r1 title] second page" in answer["prompt"]


def test_without_the_scope_a_note_says_what_is_missing(reading_service: tuple[Service, dict[str, str]]) -> None:
    answer = analyze(reading_service, PDF, key="viewer")

    assert answer["notes"] == ["the document was not read: this key has no scope 'documents'"]
    assert "document" not in answer
    assert "[p1.r1]" in answer["prompt"]  # of its first page, as of a picture


def test_metrics_have_numbers_of_lines_and_no_words(reading_service: tuple[Service, dict[str, str]]) -> None:
    service, tokens = reading_service
    analyze(reading_service, encode(draw_error_dialog("Unmistakable words"), "PNG"))

    text = service.http.get("/metrics", headers={"Authorization": f"Bearer {tokens['reader']}"}).text

    assert 'kernelsight_found_count{kind="lines",pipeline="text"}' in text
    assert "Unmistakable" not in text
