"""The gate judges every page that will be read, each as a picture of its own."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pytest
from PIL import Image, ImageStat
from pydantic import BaseModel
from reportlab.pdfgen.canvas import Canvas

from pipelines.cpu_pool import CpuPool
from pipelines.documents.errors import TooManyPages
from pipelines.documents.options import DocumentsOptions
from pipelines.documents.pdf.client import PdfiumClient
from pipelines.documents.pipeline import DocumentLimits
from pipelines.documents.spec import DOCUMENT
from pipelines.engine import Engine
from pipelines.findings import Findings
from pipelines.image.decode import ImageLimits, Picture
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.pipeline import apply_policy as judged_by
from pipelines.moderation.policy import Policy
from pipelines.moderation.spec import MODERATION
from pipelines.moderation.types import Moderation, SignalResult
from pipelines.page_moderation import spread_pages
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed
from tests.pipelines.documents.fake_stages import make_documents_pipeline
from tests.pipelines.documents.sample_pdfs import (
    HEIGHT,
    WIDTH,
    DrawPage,
    draw_text,
    make_pdf,
    make_pdf_with_broken_page,
)
from tests.pipelines.images import encode
from tests.pipelines.moderation.signal_results import failed_result, make_policy, signal_result

RULES = make_policy(dark={"signal": "darkness", "review": 0.4, "block": 0.9}, file={"signal": "whole", "review": 0.5})


@dataclass
class Darkness:
    """How dark a picture is; remembers the pictures, and the one that each call's pipelines share."""

    name: str = "darkness"
    shorter_side: int | None = None
    models: list[ModelUsed] = field(default_factory=list)
    seen: list[Picture] = field(default_factory=list)
    shared: list[Picture] = field(default_factory=list)

    def score_names(self) -> tuple[str, ...]:
        return ("whole",)

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        async def itself() -> Picture:
            return picture

        self.seen.append(picture)
        self.shared.append(await context.once(self.name, itself))
        return signal_result(1 - ImageStat.Stat(picture.pixels.convert("L")).mean[0] / 255)


@dataclass
class Whole(Darkness):
    """A signal that looks at the file."""

    name: str = "whole"
    reads_file: bool = True


@pytest.fixture(scope="module")
def pdfium() -> Iterator[PdfiumClient]:
    pdfium = PdfiumClient()
    yield pdfium
    pdfium.close()


def grey(level: float) -> DrawPage:
    def draw(canvas: Canvas) -> None:
        canvas.setFillGray(level)
        canvas.rect(0, 0, WIDTH, HEIGHT, stroke=0, fill=1)

    return draw


NOT_READ: Literal["not"] = "not"

BLACK, DIM = grey(0), grey(0.4)


async def current() -> Policy:
    return RULES


def run(
    pdfium: PdfiumClient,
    data: bytes,
    *signals: Darkness,
    read: DocumentsOptions | Literal["not"] | None = None,
    options: ModerationOptions | None = None,
    gate: bool = True,
) -> Findings:
    async def scenario() -> Findings:
        pool = CpuPool(threads=1)
        moderation = ModerationPipeline(signals or (Darkness(),), current, pool)
        reader = make_documents_pipeline(pdfium, pool, limits=DocumentLimits(pages=3))
        tasks: dict[str, BaseModel] = {"moderation": options or ModerationOptions()}
        if read != NOT_READ:
            tasks = {"document": read or DocumentsOptions()} | tasks
        try:
            engine = Engine([moderation, reader], pool=pool, limits=ImageLimits(), pdfium=pdfium)
            return await engine.run(data, tasks, gate=gate)
        finally:
            pool.close()

    return asyncio.run(scenario())


def judged(findings: Findings) -> Moderation:
    return findings.of(MODERATION)


def pages(findings: Findings) -> list[tuple[int, str | None]]:
    return [(page.number, page.verdict) for page in judged(findings).pages or ()]


def test_a_blocked_page_blocks_the_document_and_is_named(pdfium: PdfiumClient) -> None:
    found = run(pdfium, make_pdf(draw_text(), DIM, BLACK))

    assert judged(found).verdict == "block"
    assert found.withheld == ["document"]
    assert found.get(DOCUMENT) is None
    assert pages(found) == [(1, "allow"), (2, "review"), (3, "block")]
    assert found.prompt.endswith("Moderation withheld this image.")


def test_only_the_first_page_and_pages_to_read_are_judged(pdfium: PdfiumClient) -> None:
    found = run(pdfium, make_pdf(draw_text(), BLACK, DIM), read=DocumentsOptions(pages="3"))

    assert judged(found).verdict == "review"
    assert pages(found) == [(1, "allow"), (3, "review")]
    assert found.get(DOCUMENT) is not None


def test_the_policy_decides_on_pages_that_cannot_be_rendered(pdfium: PdfiumClient) -> None:
    found = run(pdfium, make_pdf_with_broken_page(2, 3))

    assert judged(found).verdict == "review"
    assert pages(found) == [(1, "allow"), (2, "review"), (3, "allow")]
    assert [page.error for page in judged(found).pages or ()] == [None, "page 2 cannot be read", None]


def test_each_page_is_a_picture_at_the_smallest_sufficient_scale(pdfium: PdfiumClient) -> None:
    signal = Darkness(shorter_side=200)

    run(pdfium, make_pdf(draw_text(), draw_text(), DIM), signal)

    assert [one.sha256 for one in signal.shared] == [one.sha256 for one in signal.seen]
    assert len({picture.sha256 for picture in signal.seen}) == 3
    assert {min(picture.pixels.size) for picture in signal.seen[1:]} <= set(range(200, 220))
    assert {(picture.width, picture.height) for picture in signal.seen} == {(1240, 1754)}


def test_file_signals_read_the_file_once(pdfium: PdfiumClient) -> None:
    whole = Whole()

    run(pdfium, make_pdf(draw_text(), draw_text()), Darkness(), whole)
    alone = run(
        pdfium, make_pdf(draw_text(), draw_text()), Darkness(), whole, options=ModerationOptions(signals=("whole",))
    )

    assert len(whole.seen) == 2
    assert pages(alone) == []


def test_pages_of_a_tiff_are_judged_too(pdfium: PdfiumClient) -> None:
    white, black = (Image.new("RGB", (64, 64), colour) for colour in ("white", "black"))

    found = run(pdfium, encode(white, "TIFF", save_all=True, append_images=[black]))

    assert pages(found) == [(1, "allow"), (2, "block")]
    assert found.withheld == ["document"]


def test_too_many_pages_are_refused_after_the_first(pdfium: PdfiumClient) -> None:
    signal = Darkness()

    with pytest.raises(TooManyPages):
        run(pdfium, make_pdf(*[draw_text()] * 4), signal)

    assert len(signal.seen) == 1


def test_without_a_gate_moderation_judges_some_pages(pdfium: PdfiumClient) -> None:
    found = run(pdfium, make_pdf(draw_text(), BLACK), gate=False)

    assert judged(found).verdict == "block"
    assert found.get(DOCUMENT) is not None
    assert pages(found) == [(1, "allow"), (2, "block")]


def test_pages_of_a_pdf_that_nobody_reads_are_spread(pdfium: PdfiumClient) -> None:
    found = run(pdfium, make_pdf(*[draw_text()] * 8, BLACK), read=NOT_READ)

    assert pages(found) == [(1, "allow"), (4, "allow"), (6, "allow"), (9, "block")]
    assert judged(found).signals["frames"].scores == {"unseen_pages": pytest.approx(5 / 9, abs=1e-5)}


def test_the_spread_has_both_ends() -> None:
    assert spread_pages(3, 5) == [1, 2, 3]
    assert spread_pages(100, 5) == [1, 26, 51, 75, 100]
    assert spread_pages(9, 1) == [1]


def test_a_blocked_first_page_ends_the_run(pdfium: PdfiumClient) -> None:
    signal = Darkness()

    found = run(pdfium, make_pdf(BLACK, draw_text()), signal)

    assert judged(found).verdict == "block"
    assert len(signal.seen) == 1
    assert found.withheld == ["document"]


def test_merged_results_keep_the_strictest_rule_and_every_failure() -> None:
    rules = make_policy(
        dark={"signal": "darkness", "block": 0.9, "soften": ["drawing"]}, drawn={"signal": "drawing", "review": 0.9}
    )
    softened, blocked, lost = (
        judged_by(rules, {"darkness": darkness, "drawing": drawing}, None)
        for darkness, drawing in [
            (signal_result(0.99), signal_result(0.6)),
            (signal_result(0.92), signal_result(0.1)),
            (failed_result(), failed_result()),
        ]
    )

    pipeline = ModerationPipeline((), current, CpuPool(threads=1))
    whole = asyncio.run(pipeline.merge_pages(ModerationOptions(), {1: softened, 2: blocked, 3: lost}, 3))

    assert sorted((rule.rule, rule.signal, rule.verdict) for rule in whole.rules) == [
        ("dark", "darkness", "block"), ("on_error", "darkness", "review"), ("on_error", "drawing", "review"),
    ]  # fmt: skip
