"""`kernelsight moderate`: the same engine as the service, over files, or over any number of them as a batch."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from pipelines.findings import Findings
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.spec import MODERATION
from service.bulk.moderator import BulkOptions
from service.bulk.process_priority import Politeness
from service.bulk.ray_runner import RayCluster
from service.bulk.run import BulkRun
from service.cli.bulk import BatchCommand, moderate_batch
from service.cli.files import look_at, print_json
from service.operations.openai_moderation import PartModeration

COLOURS = {"allow": "green", "review": "yellow", "block": "red"}

_BATCH = "Batches (with --output)"


def moderate(
    sources: Annotated[
        list[str],
        typer.Argument(help="Image files; with --output also folders, globs, manifests and URLs.", show_default=False),
    ],
    signals: Annotated[str, typer.Option(help="Only these signals, comma-separated.")] = "",
    tenant: Annotated[str | None, typer.Option(help="Judge by this tenant's rules.")] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
    output: Annotated[
        str | None,
        typer.Option(help="Make a batch of it: one row each into .jsonl or .parquet.", rich_help_panel=_BATCH),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Remove the output of an earlier run first.", rich_help_panel=_BATCH)
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write a page about the output: .html.", rich_help_panel=_BATCH)
    ] = None,
    polite: Annotated[
        Politeness, typer.Option(help="Who else computes goes first: always, mostly, not.", rich_help_panel=_BATCH)
    ] = "idle",
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster.", rich_help_panel=_BATCH)
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster; RAY_ADDRESS, or this machine.", rich_help_panel=_BATCH)
    ] = None,
    actors: Annotated[
        int | None,
        typer.Option(help="Runtimes on the cluster; one a node.", min=1, rich_help_panel=_BATCH),
    ] = None,
    gpus_per_actor: Annotated[
        float, typer.Option(help="GPUs of each runtime; .5 lets two share one.", min=0, rich_help_panel=_BATCH)
    ] = 0.0,
    timeout: Annotated[float, typer.Option(help="Seconds for one image.", min=1, rich_help_panel=_BATCH)] = 120.0,
) -> None:
    """Allow, review or block: a table on a terminal, else one JSON object a line; with --output a row each."""
    options = ModerationOptions(signals=signals, tenant=tenant)  # type: ignore[arg-type]  # split by its validator
    if output is not None:
        batch = BulkRun(sources, output, BulkOptions(options, timeout_seconds=timeout), restart, report)
        cluster = RayCluster(address, actors, gpus_per_actor, polite) if engine == "ray" else None
        moderate_batch(BatchCommand(batch, polite, cluster))
        return
    if restart or report is not None or engine == "ray":
        raise typer.BadParameter("--restart, --report and --engine are for batches: name one", param_hint="--output")
    show = _print_json if json or not sys.stdout.isatty() else _print_table
    reads = ("document",) if "text" in options.signals else ()
    look_at([Path(source) for source in sources], {"moderation": options}, show, also=reads)


def _print_json(path: Path, findings: Findings) -> None:
    print_json(path, PartModeration.of(findings))


def _print_table(path: Path, findings: Findings) -> None:
    found = findings.of(MODERATION)
    assert found is not None
    console = Console()
    console.print(f"{path}: [{COLOURS[found.verdict]}]{found.verdict}[/], severity {found.severity}", highlight=False)
    if found.rules:
        table = Table("rule", "verdict", "signal", "score", "from")
        for rule in found.rules:
            table.add_row(rule.rule, rule.verdict, rule.signal, f"{rule.score:.3f}", f"{rule.threshold:g}")
        console.print(table)
