"""`kernelsight documents`: the same engine as the service, over files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pipelines.findings import Findings
    from pipelines.run_context import PartListener

DocumentFormat = Literal["json", "markdown", "text", "hocr", "pdf"]


def documents(
    files: Annotated[list[Path], typer.Argument(help="PDFs, TIFFs or other images.", show_default=False)],
    format: Annotated[DocumentFormat, typer.Option(help="What to write.")] = "markdown",
    out: Annotated[Path | None, typer.Option(help="A folder to write into, a file for each; else stdout.")] = None,
    draw: Annotated[
        bool, typer.Option("--draw", help="Write each page with what was found as PNG into --out.")
    ] = False,
    pages: Annotated[str | None, typer.Option(help="1-3,7 or 5- or -2; all by default.")] = None,
    dpi: Annotated[int, typer.Option(help="Resolution of PDF pages.", min=36, max=400)] = 150,
    ocr: Annotated[
        Literal["auto", "force", "never"],
        typer.Option(help="Read PDF pages by OCR: where the text layer is unusable, always, or never."),
    ] = "auto",
    password: Annotated[str | None, typer.Option(help="Of PDFs.", envvar="KERNELSIGHT_PDF_PASSWORD")] = None,
) -> None:
    """Text, layout, tables and reading order of documents."""
    from pipelines.documents.options import DocumentsOptions
    from service.cli.document_output import make_folder, write_document, write_overlays
    from service.cli.files import parse_options, run_over_files

    if out is None and (draw or format == "pdf"):
        raise typer.BadParameter("give a folder to write into", param_hint="--out")
    options = parse_options(
        DocumentsOptions, pages=pages, dpi=dpi, ocr=ocr, password=password, pictures=draw or format == "pdf"
    )
    if out is not None:
        make_folder(out)
    with _show_page_progress() as part_listener_for:

        def show(path: Path, findings: "Findings") -> None:
            write_document(path, findings, format, out)
            if draw and out is not None:
                write_overlays(path, findings, out)

        run_over_files(files, {"document": options}, show, part_listener_for=part_listener_for)


@contextmanager
def _show_page_progress() -> Iterator[Callable[[Path], "PartListener"]]:
    """A bar of pages for each file."""
    from service.cli.progress import show_steps_by_name

    with show_steps_by_name() as advance:

        def part_listener_for(path: Path) -> "PartListener":
            def on_page(page: "BaseModel", total: int) -> None:
                advance(path.name, total)

            return on_page

        yield part_listener_for
