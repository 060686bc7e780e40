"""Measures pages per second and resident memory on a long PDF with a usable text layer.

    python benchmarks/documents_pages.py [--pages 100] [--ocr auto|force]

The file is drawn here: paragraphs under headings and a ruled table on every page. It goes through the engine as a
request does, PDFium's process and the models included, twice: the first run also pays for what is opened once. With
`--ocr force` the same pages are read by OCR. Linux only: memory is read from /proc, for this process and its children.
"""

import argparse
import asyncio
import io
import os
from collections.abc import Callable
from itertools import count
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
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
OnPage = Callable[[BaseModel, int], None]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--ocr", choices=("auto", "force"), default="auto")
    options = parser.parse_args()
    data, documents_options = draw_document(options.pages), DocumentsOptions(ocr=options.ocr)
    print(f"{options.pages} pages, {len(data) / 1e6:.2f} MB")
    async with open_components(load_settings(), Metrics(), only=("document",)) as components:
        print(f"started: {resident_megabytes():.0f} MB")
        for turn in ("first", "second"):
            on_page, memory = track_memory(max(1, options.pages // 5))
            started = perf_counter()
            await components.engine.run(data, {"document": documents_options}, on_page=on_page)
            seconds = perf_counter() - started
            print(f"{turn} time: {options.pages / seconds:.1f} pages/s; MB after every fifth part: {', '.join(memory)}")


def track_memory(every: int) -> tuple[OnPage, list[str]]:
    """A listener for pages, and the list into which it puts the memory in use after each `every` pages."""
    numbers, memory = count(1), list[str]()

    def on_page(page: BaseModel, total: int) -> None:
        if next(numbers) % every == 0:
            memory.append(f"{resident_megabytes():.0f}")

    return on_page, memory


def resident_megabytes() -> float:
    """Of this process and its children; shared memory counts once for each."""
    children = (folder for folder in Path("/proc").glob("[0-9]*") if read_parent(folder) == os.getpid())
    folders = [Path("/proc/self"), *children]
    return sum(int(folder.joinpath("statm").read_text().split()[1]) for folder in folders) * PAGE_BYTES / 1e6


def read_parent(folder: Path) -> int | None:
    """The parent's process id; None where the process has ended meanwhile."""
    try:
        return int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def draw_document(pages: int) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    for number in range(1, pages + 1):
        draw_page(canvas, number)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def draw_page(canvas: Canvas, number: int) -> None:
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
