"""`kernelsight features`: the same engine as the service, over files."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.captioning import FeaturesOptions
from pipelines.findings import Findings
from service.cli.files import look_at, print_json
from service.schemas import FeaturesReply


def features(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    top_k: Annotated[int, typer.Option(help="Tags per image at most.", min=0, max=1000)] = 5,
    min_score: Annotated[float, typer.Option(help="Leave out tags under this score.", min=0, max=1)] = 0.02,
    grid: Annotated[bool, typer.Option("--grid", help="Add the spatial feature grid (JSON only).")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """Captioning features of images: a table on a terminal, else one JSON object a line."""
    options = FeaturesOptions(top_k=top_k, min_score=min_score, grid=grid)
    look_at(images, {"features": options}, _print_json if json or not sys.stdout.isatty() else _print_table)


def _print_json(path: Path, findings: Findings) -> None:
    print_json(path, FeaturesReply.of(findings))


def _print_table(path: Path, findings: Findings) -> None:
    assert findings.features is not None
    table = Table("tag", "score", "group", "wnid", title=str(path), title_justify="left")
    for tag in findings.features.tags:
        table.add_row(tag.label, f"{tag.score:.3f}", tag.group, tag.wnid)
    console = Console()
    console.print(table)
    console.print(findings.prompt, highlight=False, markup=False)
