"""A PDFium process that a file has taken over, that hangs, or that cannot be started harms only its own document."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pipelines.documents.errors import DocumentCorrupt, PageBroken
from pipelines.documents.pdf.client import PdfiumClient, PdfLimits
from pipelines.errors import DecoderUnavailable
from tests.pipelines.descriptors import few_descriptors
from tests.pipelines.documents.pdf.lying_pdfium import HANG, LIE
from tests.pipelines.documents.sample_pdfs import draw_text, make_pdf

PDF = make_pdf(draw_text(["abc"]))
LYING = "tests.pipelines.documents.pdf.lying_pdfium"


@asynccontextmanager
async def open_client(**limits: Any) -> AsyncIterator[PdfiumClient]:
    client = PdfiumClient(PdfLimits(**limits), module=LYING)
    try:
        yield client
    finally:
        client.close()


def lie(kind: str, facts: dict[str, Any], arrays: dict[str, tuple[str, list[int], float]]) -> bytes:
    return PDF + LIE + json.dumps({"kind": kind, "facts": facts, "arrays": arrays}).encode()


async def render(client: PdfiumClient, data: bytes) -> str:
    try:
        async with client.open_document(data) as pdf:
            await pdf.page_size(1, 72)
            return str((await pdf.render_page(1, 72)).dpi)
    except (DocumentCorrupt, PageBroken) as error:
        return error.code


@pytest.mark.parametrize(
    "facts",
    [
        {"pages": "1"},
        {"pages": -1},
        {"pages": 2**40},
        {"xfa": 1},
        {"attachments": None},
        {"attachments": ["\ud800"]},
        {"attachments": ["a"] * 101},
        {"outcome": "late"},
        {"outcome": ["done"]},
        {"outcome": "corrupt"},
    ],
    ids=str,
)
def test_a_nonsensical_document_is_corrupt(facts: dict[str, Any]) -> None:
    async def render_around_a_lie() -> list[str]:
        async with open_client() as client:
            return [await render(client, data) for data in (PDF, lie("open", facts, {}), PDF)]

    assert asyncio.run(render_around_a_lie()) == ["72", "document-corrupt", "72"]


@pytest.mark.parametrize(
    ("facts", "arrays"),
    [
        ({"dpi": "72"}, {}),
        ({"dpi": 73}, {}),
        ({"too_many": None}, {}),
        ({"outcome": "broken", "reason": "\ud800"}, {}),
        ({}, {"pixels": ("u1", [10, 10, 4], 0)}),
        ({}, {"pixels": ("u1", [10, 10], 0)}),
        ({}, {"pixels": ("u1", [0, 10, 3], 0)}),
        ({}, {"pixels": ("f4", [10, 10, 3], 0)}),
        ({}, {"pixels": ("u1", [1000, 1001, 3], 0)}),
        ({}, {"quarters": ("i1", [3], -1)}),
        ({}, {"quarters": ("i1", [3], 4)}),
        ({}, {"codes": ("u4", [4], 65)}),
        ({}, {"codes": ("f4", [3], 65)}),
        ({}, {"boxes": ("f4", [3, 4], float("nan"))}),
        ({}, {"boxes": ("f4", [3, 2], 0)}),
        ({}, {"covered": ("u1", [3], 7)}),
        ({}, {"images": ("f4", [4], 0)}),
        ({}, {"strokes": ("f4", [2, 4], float("inf"))}),
        ({}, {"origins": ("f4", [3, 2], float("nan"))}),
        ({}, {"symbols": ("u1", [3], 0)}),
        ({}, {"annotations": ("u1", [9], 0x5B)}),
        ({}, {"annotations": ("u1", [2_000_000], 0x5B)}),
        ({}, {"annotations": ("u1", [0], 0)}),
        ({}, {"images": ("f4", [30_000, 4], 0)}),
        ({}, {"surprise": ("u1", [1], 0)}),
    ],
    ids=str,
)
def test_a_nonsensical_page_is_broken(facts: dict[str, Any], arrays: dict[str, tuple[str, list[int], float]]) -> None:
    async def render_around_a_lie() -> list[str]:
        async with open_client(pixels=1_000_000) as client:
            return [await render(client, data) for data in (PDF, lie("page", facts, arrays), PDF)]

    assert asyncio.run(render_around_a_lie()) == ["72", "page-broken", "72"]


@pytest.mark.parametrize("facts", [{"width": "9"}, {"width": 0}, {"width": 10**9}], ids=str)
def test_a_nonsensical_size_is_one_pixel(facts: dict[str, Any]) -> None:
    async def measure() -> tuple[int, int]:
        async with open_client() as client, client.open_document(lie("size", facts, {})) as pdf:
            return await pdf.page_size(1, 72)

    assert asyncio.run(measure()) == (1, 1)


@pytest.mark.parametrize("free", range(5))
def test_a_process_that_cannot_be_started_is_the_services_problem(free: int) -> None:
    async def render_without_descriptors() -> str:
        async with open_client() as client:
            with few_descriptors(free), pytest.raises(DecoderUnavailable):
                await render(client, PDF)
            return await render(client, PDF)

    assert asyncio.run(render_without_descriptors()) == "72"


def test_closing_ends_what_hangs() -> None:
    async def close_meanwhile() -> tuple[str | BaseException, str | BaseException]:
        async with open_client() as client:
            async with client.open_document(PDF):
                pass
            hanging = asyncio.create_task(render(client, PDF + HANG))
            waiting = asyncio.create_task(render(client, PDF))
            await asyncio.sleep(0.1)
            client.close()
            return await asyncio.gather(hanging, waiting, return_exceptions=True)

    found = asyncio.run(close_meanwhile())

    assert [type(one) for one in found] == [DecoderUnavailable] * 2  # neither has run into its limit of 20 s
