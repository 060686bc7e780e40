"""Which of ImageNet's classes are a kind of what the object detector finds."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path


def detected_class(wnid: str) -> str | None:
    """The detector's class that an ImageNet class is a kind of; None where it has none."""
    return next((name for name, first, last in _read_classes() if first <= wnid <= last), None)


@cache
def _read_classes() -> tuple[tuple[str, str, str], ...]:
    return tuple(read_ranges(Path(__file__).with_name("detected_classes.toml")))


def read_ranges(path: Path) -> Iterator[tuple[str, str, str]]:
    """Name, first and last wnid of each range in a TOML file of names with lists of `first-last` or single wnids."""
    classes: Mapping[str, list[str]] = tomllib.loads(path.read_text("utf-8"))
    for name, entries in classes.items():
        for entry in entries:
            first, _, last = entry.partition("-")
            yield name, first, last or first
