"""Every file under a folder of this machine, one directory entry at a time."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from service.batch.errors import SourceUnreadable
from service.batch.items import Item, as_text


def under(folder: str, left_out: Sequence[Path]) -> Iterator[Item]:
    """Without hidden files and folders; links to folders are not followed. A folder that cannot be read is an item."""
    waiting = [folder]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(inside) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or is_one_of(entry.path, left_out):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file():
                        yield Item(entry.path, entry.path)
        except OSError as cause:
            why = f"{as_text(inside)!r} cannot be listed: {cause.strerror or cause}"
            yield Item(inside, inside, SourceUnreadable(why))


def is_one_of(name: str, paths: Sequence[Path]) -> bool:
    return any(os.path.basename(name) == one.name and Path(name).resolve() == one.resolve() for one in paths)  # noqa: PTH119
