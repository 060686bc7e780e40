"""`kernelsight categories`: train, show, try and remove custom categories; a running service notices."""

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.findings import Findings
    from pipelines.moderation.categories.custom_categories import TrainingImage, TrainingResult
    from pipelines.moderation.categories.head import Head
    from pipelines.moderation.categories.store import HeadStore

app = typer.Typer(help="Train, show, try and remove custom categories.", no_args_is_help=True)

CategoryName = Annotated[str, typer.Argument(help="The category's name.", show_default=False)]
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="The new category's name: a-z, 0-9 and '-'.", show_default=False)],
    positive: Annotated[Path, typer.Option(help="Folder with images of it.", exists=True, file_okay=False)],
    negative: Annotated[Path, typer.Option(help="Folder with images of anything else.", exists=True, file_okay=False)],
    force: Annotated[bool, typer.Option("--force", help="Replace a category of that name.")] = False,
) -> None:
    """Train a category from two folders of images (their subfolders included), and print its report."""
    _open_heads().check_free(name, replace=force)
    trained = asyncio.run(_train(name, _find_images(positive), _find_images(negative), force))
    for skipped in trained.skipped:
        print(f"kernelsight: skipped {skipped.name}: {skipped.why}", file=sys.stderr)
    _print_report(trained.head)


@app.command("list")
def list_categories() -> None:
    """All categories, how well each did in its cross-validation, and which are broken."""
    table = Table("category", "version", "positives", "negatives", "ROC AUC", "review", "block", "encoder", "problem")
    for entry in _open_heads().entries:
        if entry.head is None:
            table.add_row(entry.name, *[""] * 7, f"broken: {entry.problem}")
            continue
        head, report, images = entry.head, entry.head.report, entry.head.training
        table.add_row(
            head.name, head.version, str(images.positives), str(images.negatives), f"{report.roc_auc:.3f}",
            _format_number(report.review_threshold), _format_number(report.block_threshold),
            f"{head.encoder.id} {head.encoder.sha256[:12]}", entry.problem or "",
        )  # fmt: skip
    out.print(table)


@app.command()
def show(
    name: CategoryName,
    json: Annotated[bool, typer.Option("--json", help="As JSON, everything but the weights.")] = False,
) -> None:
    """A category's report."""
    head = _open_heads().get(name)
    if json:
        out.print_json(head.facts.model_dump_json())
    else:
        _print_report(head)


@app.command()
def remove(name: CategoryName) -> None:
    """Remove a category; a running service stops using it within a second."""
    _open_heads().remove(name)


@app.command()
def score(
    name: CategoryName, images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)]
) -> None:
    """The probability that each image belongs to the category, one JSON object a line."""
    from pipelines.moderation.categories.custom_categories import EMBEDDING_OPTIONS, score_findings
    from service.cli.files import print_json, run_over_files
    from service.operations.categories import CategoryScoreReply

    head = _open_heads().get(name)

    def show(path: Path, findings: "Findings") -> None:
        print_json(path, CategoryScoreReply.of(head, score_findings(head, findings), findings))

    run_over_files(images, {"features": EMBEDDING_OPTIONS}, show)


def _open_heads() -> "HeadStore":
    from service.components import open_heads
    from service.settings import load_settings

    return open_heads(load_settings())


def _find_images(folder: Path) -> list["TrainingImage"]:
    """All files below the folder except hidden ones, sorted by name: the same folder gives the same head.

    Raises TrainingRejected for a folder without files.
    """
    from pipelines.moderation.categories.custom_categories import TrainingImage
    from pipelines.moderation.errors import TrainingRejected

    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise TrainingRejected(f"{folder} has no files")
    return [TrainingImage(str(path), partial(asyncio.to_thread, path.read_bytes)) for path in paths]


async def _train(
    name: str, positives: list["TrainingImage"], negatives: list["TrainingImage"], force: bool
) -> "TrainingResult":
    from service.cli.progress import show_steps
    from service.components import open_components
    from service.settings import load_settings
    from service.telemetry.metrics import Metrics

    async with open_components(load_settings(), Metrics(), only=("features",)) as components:
        with show_steps(f"training {name}", len(positives) + len(negatives)) as on_image:
            return await components.categories.train(name, positives, negatives, replace=force, on_image=on_image)


def _print_report(head: "Head") -> None:
    report, images = head.report, head.training
    low, high = report.roc_auc_interval
    encoder = f"{head.encoder.id} {head.encoder.version} ({head.encoder.sha256[:12]})"
    out.print(f"{head.name} {head.version}: {images.positives} positives, {images.negatives} negatives, on {encoder}")
    out.print(f"ROC AUC {report.roc_auc:.3f} (95 %: {low:.3f} to {high:.3f})")
    table = Table("threshold", "precision", "recall", "F1", "false positives")
    for row in report.thresholds:
        precision = "" if row.precision is None else f"{row.precision:.1%}"
        table.add_row(
            f"{row.threshold:.2f}", precision, f"{row.recall:.1%}", f"{row.f1:.3f}", f"{row.false_positive_rate:.1%}"
        )
    out.print(table)
    out.print(
        f"review from {_format_number(report.review_threshold)}, block from {_format_number(report.block_threshold)}"
    )
    for warning in report.warnings:
        out.print(f"[yellow]![/] {warning}")


def _format_number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
