"""Golden sets: a folder of images and `expected.json`, which says by image and pipeline what must hold."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from service.monitoring.canaries.builtin_set import DRAWN
from service.monitoring.canaries.expected import Expected
from service.monitoring.errors import GoldenSetInvalid
from service.settings import Settings

EXPECTED = "expected.json"

_read_expected = TypeAdapter(dict[str, Expected]).validate_json


@dataclass(frozen=True, slots=True)
class Case:
    """One image; `read` gives its bytes, off the event loop, and may raise OSError."""

    image: str
    read: Callable[[], bytes]
    expected: Expected


@dataclass(frozen=True, slots=True)
class GoldenSet:
    name: str
    cases: tuple[Case, ...]


def golden_sets(settings: Settings) -> list[GoldenSet]:
    """The one that is drawn, and those of the operator by name; raises GoldenSetInvalid."""
    drawn = GoldenSet("drawn", tuple(Case(name, draw, expected) for name, (draw, expected) in DRAWN.items()))
    if settings.canaries is None:
        return [drawn]
    if not settings.canaries.is_dir():
        raise GoldenSetInvalid(f"KERNELSIGHT_CANARIES: {str(settings.canaries)!r} is no folder")
    if (settings.canaries / drawn.name).exists():
        raise GoldenSetInvalid(f"KERNELSIGHT_CANARIES: {drawn.name!r} is the set that is built in: take another name")
    folders = sorted(path for path in settings.canaries.iterdir() if (path / EXPECTED).is_file())
    if not folders:
        raise GoldenSetInvalid(f"KERNELSIGHT_CANARIES: no folder in {str(settings.canaries)!r} has an {EXPECTED}")
    return [drawn, *map(load_set, folders)]


def load_set(folder: Path) -> GoldenSet:
    """Raises GoldenSetInvalid, also for an image that is not there or of which nothing is asked."""
    try:
        expected = _read_expected((folder / EXPECTED).read_bytes())
    except (OSError, ValidationError) as cause:
        raise GoldenSetInvalid(f"golden set {folder.name!r}: {EXPECTED}: {cause}") from cause
    for image, one in expected.items():
        if not (folder / image).is_file():
            raise GoldenSetInvalid(f"golden set {folder.name!r}: there is no image {image!r}")
        if not one.by_pipeline:
            raise GoldenSetInvalid(f"golden set {folder.name!r}: nothing is expected of {image!r}")
    return GoldenSet(
        folder.name, tuple(Case(image, (folder / image).read_bytes, one) for image, one in expected.items())
    )
