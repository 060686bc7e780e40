"""`kernelsight moderate … --output OUT`: a bulk run, which writes one row for each input."""

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

_REFRESHES_PER_SECOND = 2  # drawing costs milliseconds that images could have


@contextmanager
def show_progress(counters: ProgressCounters) -> Iterator[Callable[[], None]]:
    """Yields a function to call whenever the counters have changed."""
    console = Console(stderr=True)
    yield from _draw_bar(counters, console) if console.is_terminal else _print_lines(counters)


def _draw_bar(counters: ProgressCounters, console: Console) -> Iterator[Callable[[], None]]:
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=_REFRESHES_PER_SECOND) as progress:
        task, next_time = progress.add_task("", total=None), [0.0]

        def on_change() -> None:
            if monotonic() >= next_time[0]:
                next_time[0] = monotonic() + 1 / _REFRESHES_PER_SECOND
                done = counters.skipped + counters.done
                progress.update(task, description=describe_progress(counters), completed=done, total=counters.total)

        yield on_change


def _print_lines(counters: ProgressCounters) -> Iterator[Callable[[], None]]:
    next_time = [monotonic() + PROGRESS_LINE_SECONDS]

    def on_change() -> None:
        if monotonic() >= next_time[0]:
            next_time[0] = monotonic() + PROGRESS_LINE_SECONDS
            print(describe_progress(counters), file=sys.stderr, flush=True)

    yield on_change


def describe_progress(counters: ProgressCounters) -> str:
    done, total = counters.skipped + counters.done, "?" if counters.total is None else f"{counters.total:,}"
    left = "" if counters.seconds_left is None else f", {_format_duration(counters.seconds_left)} left"
    return f"{done:,} of {total}, {counters.rate:.1f}/s{left}: {counters.summary}"


def _format_duration(seconds: float) -> str:
    minutes, hours = divmod(round(seconds), 60)[0] % 60, round(seconds) // 3600
    return f"{hours}:{minutes:02d}:{round(seconds) % 60:02d}"


@dataclass(frozen=True)
class BulkCommand:
    run: BulkRun
    politeness: Politeness
    cluster: RayCluster | None = None  # None: this machine


def run_bulk(command: BulkCommand) -> None:
    """Exit code 0: every row has a verdict; 1: some are errors; 2: the sources hold nothing.

    130 or 143: stopped by a signal, can be resumed.
    """
    command.run.check()
    if command.cluster is None:
        lower_priority(command.politeness)
    counters = ProgressCounters()
    with show_progress(counters) as on_change, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stopped_by = runner.run(_run(command, counters, on_change))
    if stopped_by is None and counters.done + counters.skipped == 0:
        print(f"kernelsight: nothing matches {' '.join(command.run.sources)}", file=sys.stderr)
        raise typer.Exit(2)
    _print_outcome(command.run, counters, stopped_by)
    if stopped_by is not None:
        raise typer.Exit(128 + stopped_by)
    if counters.has_failures:
        raise typer.Exit(1)


async def _run(command: BulkCommand, counters: ProgressCounters, on_change: Callable[[], None]) -> int | None:
    """The number of the signal that stopped the run, or None."""
    stop, received = asyncio.Event(), list[int]()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if received:
            os._exit(128 + number)  # what was written is safe however this ends
        received.append(number)
        stop.set()
        print("kernelsight: finishing what is in flight; once more to leave at once", file=sys.stderr, flush=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    settings = load_settings()
    if command.cluster is None:
        await run_locally(command.run, settings, counters, on_change, stop)
    else:
        await run_on_ray(command.run, settings, command.cluster, counters, on_change, stop)
    return received[0] if received else None


def _print_outcome(run: BulkRun, counters: ProgressCounters, stopped_by: int | None) -> None:
    resumed = f"; {counters.skipped:,} were there before" if counters.skipped else ""
    print(
        f"{counters.done:,} rows written to {run.output} ({counters.summary}){resumed}; {counters.mean_rate:.1f}/s",
        file=sys.stderr,
    )
    if stopped_by is not None:
        print("kernelsight: stopped; the same command goes on from here", file=sys.stderr)
