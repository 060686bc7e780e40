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

from service.bulk.counters import ProgressCounters
from service.bulk.process_priority import Politeness, lower_priority
from service.bulk.ray_runner import RayCluster, run_on_ray
from service.bulk.run import BulkRun, run_locally
from service.settings import load_settings

PROGRESS_LINE_SECONDS = 30.0

_REFRESHES = 2  # a second: drawing costs milliseconds that images could have


@contextmanager
def show_progress(counters: ProgressCounters) -> Iterator[Callable[[], None]]:
    """Call what it yields whenever the counters has changed."""
    console = Console(stderr=True)
    yield from _bar(counters, console) if console.is_terminal else _lines(counters)


def _bar(counters: ProgressCounters, console: Console) -> Iterator[Callable[[], None]]:
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=_REFRESHES) as progress:
        task, due = progress.add_task("", total=None), [0.0]

        def change() -> None:
            if monotonic() >= due[0]:
                due[0] = monotonic() + 1 / _REFRESHES
                done = counters.skipped + counters.done
                progress.update(task, description=describe_progress(counters), completed=done, total=counters.total)

        yield change


def _lines(counters: ProgressCounters) -> Iterator[Callable[[], None]]:
    due = [monotonic() + PROGRESS_LINE_SECONDS]

    def change() -> None:
        if monotonic() >= due[0]:
            due[0] = monotonic() + PROGRESS_LINE_SECONDS
            print(describe_progress(counters), file=sys.stderr, flush=True)

    yield change


def describe_progress(counters: ProgressCounters) -> str:
    done, total = counters.skipped + counters.done, "?" if counters.total is None else f"{counters.total:,}"
    left = "" if counters.seconds_left is None else f", {_time(counters.seconds_left)} left"
    return f"{done:,} of {total}, {counters.rate:.1f}/s{left}: {counters.summary}"


def _time(seconds: float) -> str:
    minutes, hours = divmod(round(seconds), 60)[0] % 60, round(seconds) // 3600
    return f"{hours}:{minutes:02d}:{round(seconds) % 60:02d}"


@dataclass(frozen=True)
class BulkCommand:
    batch: BulkRun
    politeness: Politeness
    cluster: RayCluster | None = None  # None: this machine


def run_bulk(command: BulkCommand) -> None:
    """Exit code 0: every row has a verdict. 1: some are errors. 130, 143: stopped by a signal, can go on."""
    command.batch.check()
    if command.cluster is None:
        lower_priority(command.politeness)
    counters = ProgressCounters()
    with show_progress(counters) as on_change, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stopped_by = runner.run(_run(command, counters, on_change))
    _say(command.batch, counters, stopped_by)
    if stopped_by is not None:
        raise typer.Exit(128 + stopped_by)
    if counters.has_failures:
        raise typer.Exit(1)


async def _run(command: BulkCommand, counters: ProgressCounters, on_change: Callable[[], None]) -> int | None:
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
        await run_locally(command.batch, settings, counters, on_change, stop)
    else:
        await run_on_ray(command.batch, settings, command.cluster, counters, on_change, stop)
    return seen[0] if seen else None


def _say(batch: BulkRun, counters: ProgressCounters, stopped_by: int | None) -> None:
    there = f"; {counters.skipped:,} were there before" if counters.skipped else ""
    print(
        f"{counters.done:,} rows written to {batch.output} ({counters.summary}){there}; {counters.mean_rate:.1f}/s",
        file=sys.stderr,
    )
    if stopped_by is not None:
        print("kernelsight: stopped; the same command goes on from here", file=sys.stderr)
