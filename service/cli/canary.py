"""`kernelsight canary`: runs golden sets through an engine of its own."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from service.monitoring.canaries.results import CanaryResult

app = typer.Typer(help="Run golden sets: images with known answers.", no_args_is_help=True)


@app.callback()
def canary() -> None:
    """Makes this a group: Typer would make an app with one command that command."""


@app.command()
def run(
    name: Annotated[str | None, typer.Option("--set", help="Only this golden set.")] = None,
    json: Annotated[bool, typer.Option("--json", help="All answers as one JSON object a set.")] = False,
) -> None:
    """Run golden sets once; exit code 1 when an answer is wrong. KERNELSIGHT_CANARIES names a folder of more sets."""
    import orjson

    results = asyncio.run(_run_golden_sets(name))
    for result in results:
        if json:
            print(orjson.dumps(result.model_dump(mode="json")).decode())
        else:
            _print_result(result)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


async def _run_golden_sets(name: str | None) -> list["CanaryResult"]:
    from service.components import open_components, served_pipelines
    from service.monitoring.canaries.expected import CANARY_OPTIONS
    from service.monitoring.canaries.runner import build_canary_runner
    from service.settings import load_settings
    from service.telemetry.metrics import Metrics

    settings = load_settings()
    only = [pipeline for pipeline in CANARY_OPTIONS if pipeline in served_pipelines(settings)]
    async with open_components(settings, Metrics(), only=only) as components:
        return await build_canary_runner(components.engine, settings).run(name)


def _print_result(result: "CanaryResult") -> None:
    table = Table("image", "pipeline", "", "answer", "", title=f"golden set {result.set}", title_justify="left")
    marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: "?"}
    for answer in result.answers:
        notes = [*answer.wrong, *([f"flipped, before: {answer.before}"] if answer.flipped else [])]
        table.add_row(answer.image, answer.pipeline, marks[answer.right], answer.answer, "; ".join(notes))
    console = Console()
    console.print(table)
    shares = ", ".join(f"{pipeline} {share:.0%}" for pipeline, share in result.accuracy.items())
    console.print(f"right: {shares}; flips: {result.flips}; {result.seconds:.1f} s", highlight=False)
