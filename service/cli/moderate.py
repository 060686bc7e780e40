"""`kernelsight moderate`: the same engine as the service, over image files, or as a bulk run over many."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from service.bulk.process_priority import Politeness

if TYPE_CHECKING:
    from pipelines.findings import Findings

VERDICT_COLOURS = {"allow": "green", "review": "yellow", "block": "red"}

_BULK = "Bulk runs (with --output)"

Sources = Annotated[
    list[str],
    typer.Argument(help="Image files; with --output also folders, globs, manifests and URLs.", show_default=False),
]
Output = Annotated[
    str | None,
    typer.Option(help="Start a bulk run: write one row for each image into .jsonl or .parquet.", rich_help_panel=_BULK),
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Remove the output of an earlier run first.", rich_help_panel=_BULK)
]
Report = Annotated[Path | None, typer.Option(help="Write a report about the output: .html.", rich_help_panel=_BULK)]
Polite = Annotated[
    Politeness,
    typer.Option(help="Let other processes go first: always (idle), mostly (low), not (none).", rich_help_panel=_BULK),
]
EngineName = Annotated[
    Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster.", rich_help_panel=_BULK)
]
Address = Annotated[
    str | None, typer.Option(help="Of the Ray cluster; RAY_ADDRESS, or this machine.", rich_help_panel=_BULK)
]
Actors = Annotated[int | None, typer.Option(help="Runtimes on the cluster; one a node.", min=1, rich_help_panel=_BULK)]
GpusPerActor = Annotated[
    float, typer.Option(help="GPUs of each runtime; .5 lets two share one.", min=0, rich_help_panel=_BULK)
]
TimeoutSeconds = Annotated[float, typer.Option(help="Seconds for one image.", min=1, rich_help_panel=_BULK)]


def moderate(
    sources: Sources,
    signals: Annotated[str, typer.Option(help="Only these signals, comma-separated.")] = "",
    tenant: Annotated[str | None, typer.Option(help="Judge by this tenant's rules.")] = None,
    json: Annotated[bool, typer.Option("--json", help="JSON lines even on a terminal.")] = False,
    output: Output = None,
    restart: Restart = False,
    report: Report = None,
    polite: Polite = "idle",
    engine: EngineName = "local",
    address: Address = None,
    actors: Actors = None,
    gpus_per_actor: GpusPerActor = 0.0,
    timeout: TimeoutSeconds = 120.0,
) -> None:
    """Allow, review or block: a table on a terminal, else one JSON object a line; with --output a row each."""
    from pipelines.moderation.options import ModerationOptions

    options = ModerationOptions(signals=signals, tenant=tenant)  # type: ignore[arg-type]  # split by its validator
    if output is not None:
        from service.bulk.moderator import BulkOptions
        from service.bulk.ray_runner import RayCluster
        from service.bulk.run import BulkRun
        from service.cli.bulk import BulkCommand, run_bulk

        run = BulkRun(sources, output, BulkOptions(options, timeout_seconds=timeout), restart, report)
        cluster = RayCluster(address, actors, gpus_per_actor, polite) if engine == "ray" else None
        run_bulk(BulkCommand(run, polite, cluster))
        return
    if restart or report is not None or engine == "ray":
        raise typer.BadParameter("--restart, --report and --engine are for bulk runs: name one", param_hint="--output")
    from service.cli.files import run_over_files

    show = _print_json if json or not sys.stdout.isatty() else _print_table
    also_open = ("document",) if "text" in options.signals else ()
    run_over_files([Path(source) for source in sources], {"moderation": options}, show, also_open=also_open)


def _print_json(path: Path, findings: "Findings") -> None:
    from service.cli.files import print_json
    from service.operations.openai_moderation import PartModeration

    print_json(path, PartModeration.of(findings))


def _print_table(path: Path, findings: "Findings") -> None:
    from pipelines.moderation.spec import MODERATION

    judged = findings.of(MODERATION)
    console = Console()
    colour = VERDICT_COLOURS[judged.verdict]
    console.print(f"{path}: [{colour}]{judged.verdict}[/], severity {judged.severity}", highlight=False)
    if judged.rules:
        table = Table("rule", "verdict", "signal", "score", "from")
        for rule in judged.rules:
            table.add_row(rule.rule, rule.verdict, rule.signal, f"{rule.score:.3f}", f"{rule.threshold:g}")
        console.print(table)
