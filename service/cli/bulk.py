"""`kernelsight moderate … --output OUT`: a batch, to one row for each input."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from service.bulk.counters import Tally
from service.bulk.process_priority import Politeness, make_way
from service.bulk.ray_runner import Cluster, run_on_ray
from service.bulk.run import Batch, run_here
from service.settings import load_settings

LINE_SECONDS = 30.0

_REFRESHES = 2  # a second: drawing costs milliseconds that images could have


@contextmanager
def shown(tally: Tally) -> Iterator[Callable[[], None]]:
    """Call what it yields whenever the tally has changed."""
    console = Console(stderr=True)
    yield from _bar(tally, console) if console.is_terminal else _lines(tally)


def _bar(tally: Tally, console: Console) -> Iterator[Callable[[], None]]:
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=_REFRESHES) as progress:
        task, due = progress.add_task("", total=None), [0.0]

        def change() -> None:
            if monotonic() >= due[0]:
                due[0] = monotonic() + 1 / _REFRESHES
                done = tally.skipped + tally.done
                progress.update(task, description=words(tally), completed=done, total=tally.total)

        yield change


def _lines(tally: Tally) -> Iterator[Callable[[], None]]:
    due = [monotonic() + LINE_SECONDS]

    def change() -> None:
        if monotonic() >= due[0]:
            due[0] = monotonic() + LINE_SECONDS
            print(words(tally), file=sys.stderr, flush=True)

    yield change


def words(tally: Tally) -> str:
    done, total = tally.skipped + tally.done, "?" if tally.total is None else f"{tally.total:,}"
    left = "" if tally.seconds_left is None else f", {_time(tally.seconds_left)} left"
    return f"{done:,} of {total}, {tally.rate:.1f}/s{left}: {tally.words}"


def _time(seconds: float) -> str:
    minutes, hours = divmod(round(seconds), 60)[0] % 60, round(seconds) // 3600
    return f"{hours}:{minutes:02d}:{round(seconds) % 60:02d}"


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
