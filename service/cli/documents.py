"""`kernelsight documents`: the same engine as the service, over files."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import BaseModel
from rich.console import Console

from pipelines.documents.options import DocumentsOptions
from pipelines.documents.outputs.formats import OUTPUT_FORMATS, encode_document
from pipelines.documents.outputs.overlay import draw_page as drawn
from pipelines.documents.spec import DOCUMENT
from pipelines.documents.types import Document
from pipelines.findings import Findings
from pipelines.run_context import PartListener
from service.cli.files import NotWritten, checked, look_at, print_json, write
from service.cli.progress import counters
from service.operations.schemas import DocumentReply

Format = Literal["json", "markdown", "text", "hocr", "pdf"]


def documents(
    files: Annotated[list[Path], typer.Argument(help="PDFs, TIFFs or other images.", show_default=False)],
    format: Annotated[Format, typer.Option(help="What to write.")] = "markdown",
    out: Annotated[Path | None, typer.Option(help="A folder to write into, a file for each; else stdout.")] = None,
    draw: Annotated[
        bool, typer.Option("--draw", help="Write each page with what was found as PNG into --out.")
    ] = False,
    pages: Annotated[str | None, typer.Option(help="1-3,7 or 5- or -2; all by default.")] = None,
    dpi: Annotated[int, typer.Option(help="Resolution of PDF pages.", min=36, max=400)] = 150,
    ocr: Annotated[
        Literal["auto", "force", "never"], typer.Option(help="When to read a PDF page by its looks.")
    ] = "auto",
    password: Annotated[str | None, typer.Option(help="Of PDFs.", envvar="KERNELSIGHT_PDF_PASSWORD")] = None,
) -> None:
    """Text, layout, tables and reading order of documents."""
    if out is None and (draw or format == "pdf"):
        raise typer.BadParameter("give a folder to write into", param_hint="--out")
    options = checked(
        DocumentsOptions, pages=pages, dpi=dpi, ocr=ocr, password=password, pictures=draw or format == "pdf"
    )
    if out is not None:
        _make(out)
    with _progress() as report_of:

        def show(path: Path, findings: Findings) -> None:
            _show(path, findings, format, out)
            if draw and out is not None and findings.get(DOCUMENT) is not None:
                _draw(path, findings.of(DOCUMENT), out)

        look_at(files, {"document": options}, show, report_of=report_of)


@contextmanager
def _progress() -> Iterator[Callable[[Path], PartListener]]:
    """A bar of pages for each file."""
    with counters() as advance:

        def report_of(path: Path) -> PartListener:
            def report(page: BaseModel, of: int) -> None:
                advance(path.name, of)

            return report

        yield report_of


def _show(path: Path, findings: Findings, format: Format, out: Path | None) -> None:
    for page in findings.of(DOCUMENT).pages:
        if page.error is not None:
            print(f"kernelsight: {path}: page {page.number}: {page.error}", file=sys.stderr)
    if out is None and format == "json":
        print_json(path, DocumentReply.of(findings))
        return
    if format == "json":
        data = DocumentReply.of(findings).model_dump_json(exclude_none=True).encode()
    else:
        data = encode_document(findings.of(DOCUMENT), format)
    if out is None:
        sys.stdout.write(data.decode())
        return
    target = out / f"{path.stem}{'.json' if format == 'json' else OUTPUT_FORMATS[format].suffix}"
    write(target, data)
    _say(f"{target}: {len(findings.of(DOCUMENT).pages)} of {findings.of(DOCUMENT).page_count} pages of {path}")


def _draw(path: Path, document: Document, out: Path) -> None:
    for page in document.pages:
        if page.picture is None:
            continue
        target = out / f"{path.stem}-{page.number}.png"
        try:
            drawn(page).save(target)
        except OSError as cause:
            raise NotWritten(target, cause) from cause


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise NotWritten(folder, cause) from cause


def _say(words: str) -> None:
    Console(stderr=True).print(words, highlight=False, markup=False, soft_wrap=True)
