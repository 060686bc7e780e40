"""How far a batch is, on stderr: a bar on a terminal, else a line now and then."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from service.batch.tally import Tally

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
