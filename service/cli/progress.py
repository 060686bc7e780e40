"""Progress bars on stderr, where it is a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from models.store.sources import ProgressCallback


@contextmanager
def show_activity(title: str) -> Iterator[None]:
    """A moving bar and the time so far, for a step of unknown length."""
    with _open_progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()) as progress:
        progress.add_task(title, total=None)
        yield


@contextmanager
def show_steps(title: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar of `total` steps; yields a function to call after each step."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _open_progress(*columns) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


@contextmanager
def show_steps_by_name() -> Iterator[Callable[[str, int], None]]:
    """A bar for each name; yields a function to call with the name and its total after each of its steps."""
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _open_progress(*columns) as progress:

        def advance(name: str, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.advance(tasks[name])

        yield advance


@contextmanager
def show_transfers() -> Iterator[ProgressCallback]:
    """A bar of bytes for each name; yields the callback that reports them."""
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with _open_progress(*columns) as progress:

        def report(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield report


def _open_progress(*columns: ProgressColumn) -> Progress:
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
