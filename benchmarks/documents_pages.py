"""A long PDF whose text needs no reading: pages per second, and resident memory from page to page.

    python benchmarks/documents_pages.py [--pages 100] [--ocr auto|force]

The file is drawn here: paragraphs under headings and a ruled table on every page. It goes through the engine as a
request does, PDFium's processes and the models included, twice: the first time pays for what is made once. With
`--ocr force` the same pages are read from their pixels. Linux only: memory comes from /proc, that of this process
and of those that it started.
"""

import argparse
import asyncio
import io
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import uvloop
from pydantic import BaseModel
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from pipelines.documents.options import DocumentsOptions
from service.components import open_components
from service.settings import load_settings
from service.telemetry.metrics import Metrics

SENTENCES = (
    "The mill stands where the river leaves the hills, and has done so for three hundred years.",
    "Its wheel turns from March to November; in winter the water is left to the ice.",
    "Flour was ground here until the railway came, then paper was made for a while.",
    "Today the building holds a library, and the wheel gives it light.",
    "Visitors ask how deep the water is, and nobody who works there knows.",
)
PAGE = os.sysconf("SC_PAGE_SIZE")
Watch = Callable[[BaseModel, int], None]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--ocr", choices=("auto", "force"), default="auto")
    given = parser.parse_args()
    data, options = document(given.pages), DocumentsOptions(ocr=given.ocr)
    print(f"{given.pages} pages, {len(data) / 1e6:.2f} MB")
    async with open_components(load_settings(), Metrics(), only=("document",)) as components:
        print(f"started: {megabytes():.0f} MB")
        for turn in ("first", "second"):
            watch, seen = watched(max(1, given.pages // 5))
            started = perf_counter()
            await components.engine.run(data, {"document": options}, on_page=watch)
            seconds = perf_counter() - started
            print(f"{turn} time: {given.pages / seconds:.1f} pages/s; MB after every fifth part: {', '.join(seen)}")


def watched(every: int) -> tuple[Watch, list[str]]:
    """Something that hears of each page, and the memory that it found in use after every so many."""
    pages, seen = iter(range(1, 1_000_000)), list[str]()

    def watch(page: BaseModel, total: int) -> None:
        if next(pages) % every == 0:
            seen.append(f"{megabytes():.0f}")

    return watch, seen


def megabytes() -> float:
    """Resident in this process and its children; what they share counts once for each."""
    family = [Path("/proc/self"), *(folder for folder in Path("/proc").glob("[0-9]*") if parent(folder) == os.getpid())]
    return sum(int(folder.joinpath("statm").read_text().split()[1]) for folder in family) * PAGE / 1e6


def parent(folder: Path) -> int | None:
    """None where the process has ended meanwhile."""
    try:
        return int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def document(pages: int) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    for number in range(1, pages + 1):
        draw(canvas, number)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def draw(canvas: Canvas, number: int) -> None:
    """One A4 page; units are points from its lower left corner."""
    canvas.setFont("Helvetica-Bold", 16)
    canvas.drawString(72, 760, f"{number}. Report on the mill")
    canvas.setFont("Times-Roman", 11)
    for row in range(30):
        canvas.drawString(72, 730 - 14 * row, SENTENCES[(row + number) % len(SENTENCES)])
    for row in range(8):
        for column in range(4):
            canvas.rect(72 + 110 * column, 120 + 20 * row, 110, 20)
            canvas.drawString(78 + 110 * column, 126 + 20 * row, f"{number * 7 + row * 13 + column * 3}.{column}0")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the service does
        runner.run(main())
