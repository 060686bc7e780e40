"""`kernelsight moderate … --output OUT`: a batch, to one row for each input."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

import typer
import uvloop

from service.batch.cluster import Cluster, run_on_ray
from service.batch.politeness import Politeness, make_way
from service.batch.run import Batch, run_here
from service.batch.tally import Tally
from service.cli.batch_progress import shown
from service.settings import load_settings


@dataclass(frozen=True)
class BatchCommand:
    batch: Batch
    politeness: Politeness
    cluster: Cluster | None = None  # None: this machine


def moderate_batch(command: BatchCommand) -> None:
    """Exit code 0: every row has a verdict. 1: some are errors. 130, 143: stopped by a signal, can go on."""
    command.batch.check()
    if command.cluster is None:
        make_way(command.politeness)
    tally = Tally()
    with shown(tally) as on_change, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stopped_by = runner.run(_run(command, tally, on_change))
    _say(command.batch, tally, stopped_by)
    if stopped_by is not None:
        raise typer.Exit(128 + stopped_by)
    if tally.has_failures:
        raise typer.Exit(1)


async def _run(command: BatchCommand, tally: Tally, on_change: Callable[[], None]) -> int | None:
    """The signal that stopped it, if one did."""
    stop, seen = asyncio.Event(), list[int]()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if seen:
            os._exit(128 + number)  # what was written is safe however this ends
        seen.append(number)
        stop.set()
        print("kernelsight: finishing what is in flight; once more to leave at once", file=sys.stderr, flush=True)

    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, on_signal, one)
    settings = load_settings()
    if command.cluster is None:
        await run_here(command.batch, settings, tally, on_change, stop)
    else:
        await run_on_ray(command.batch, settings, command.cluster, tally, on_change, stop)
    return seen[0] if seen else None


def _say(batch: Batch, tally: Tally, stopped_by: int | None) -> None:
    there = f"; {tally.skipped:,} were there before" if tally.skipped else ""
    print(
        f"{tally.done:,} rows written to {batch.output} ({tally.words}){there}; {tally.mean_rate:.1f}/s",
        file=sys.stderr,
    )
    if stopped_by is not None:
        print("kernelsight: stopped; the same command goes on from here", file=sys.stderr)
