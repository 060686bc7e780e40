"""`kernelsight moderate`: the same engine as the service, over files."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from service.cli.files import look_at, print_json
from service.openai import Judged

COLOURS = {"allow": "green", "review": "yellow", "block": "red"}


def moderate(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    signals: Annotated[str, typer.Option(help="Only these signals, comma-separated.")] = "",
    tenant: Annotated[str | None, typer.Option(help="Judge by this tenant's rules.")] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
) -> None:
    """Allow, review or block: a table on a terminal, else one JSON object a line."""
    options = ModerationOptions(signals=signals, tenant=tenant)  # type: ignore[arg-type]  # split by its validator
    show = _print_json if json or not sys.stdout.isatty() else _print_table
    reads = ("document",) if "text" in options.signals else ()
    look_at(images, {"moderation": options}, show, also=reads)


def _print_json(path: Path, findings: Findings) -> None:
    print_json(path, Judged.of(findings))


def _print_table(path: Path, findings: Findings) -> None:
    found = findings.moderation
    assert found is not None
    console = Console()
    console.print(f"{path}: [{COLOURS[found.verdict]}]{found.verdict}[/], severity {found.severity}", highlight=False)
    if found.rules:
        table = Table("rule", "verdict", "signal", "score", "from")
        for rule in found.rules:
            table.add_row(rule.rule, rule.verdict, rule.signal, f"{rule.score:.3f}", f"{rule.threshold:g}")
        console.print(table)
