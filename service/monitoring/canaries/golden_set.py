"""Golden sets: folders of images with `expected.json`, the expected answers by image and pipeline."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from service.monitoring.canaries.builtin_set import BUILTIN_IMAGES
from service.monitoring.canaries.expected import ImageExpectations
from service.monitoring.errors import GoldenSetInvalid
from service.settings import Settings

EXPECTED_FILE = "expected.json"

_read_expected = TypeAdapter(dict[str, ImageExpectations]).validate_json


@dataclass(frozen=True, slots=True)
class GoldenImage:
    """`read` returns the bytes of the image; it blocks, and may raise OSError."""

    name: str
    read: Callable[[], bytes]
    expected: ImageExpectations


@dataclass(frozen=True, slots=True)
class GoldenSet:
    name: str
    images: tuple[GoldenImage, ...]


def load_golden_sets(settings: Settings) -> list[GoldenSet]:
    """The built-in set, and the operator's sets by name; raises GoldenSetInvalid."""
    builtin = GoldenSet(
        "drawn", tuple(GoldenImage(name, draw, expected) for name, (draw, expected) in BUILTIN_IMAGES.items())
    )
    root = settings.monitoring.canaries
    if root is None:
        return [builtin]
    if not root.is_dir():
        raise GoldenSetInvalid(f"KERNELSIGHT_CANARIES: {str(root)!r} is no folder")
    if (root / builtin.name).exists():
        raise GoldenSetInvalid(f"KERNELSIGHT_CANARIES: {builtin.name!r} is the set that is built in: take another name")
    folders = sorted(path for path in root.iterdir() if (path / EXPECTED_FILE).is_file())
    if not folders:
        raise GoldenSetInvalid(f"KERNELSIGHT_CANARIES: no folder in {str(root)!r} has an {EXPECTED_FILE}")
    return [builtin, *map(load_golden_set, folders)]


def load_golden_set(folder: Path) -> GoldenSet:
    """Raises GoldenSetInvalid, also for an image that is missing or has no expectation."""
    try:
        expected = _read_expected((folder / EXPECTED_FILE).read_bytes())
    except (OSError, ValidationError) as cause:
        raise GoldenSetInvalid(f"golden set {folder.name!r}: {EXPECTED_FILE}: {cause}") from cause
    for image, one in expected.items():
        if not (folder / image).is_file():
            raise GoldenSetInvalid(f"golden set {folder.name!r}: there is no image {image!r}")
        if not one.by_pipeline:
            raise GoldenSetInvalid(f"golden set {folder.name!r}: nothing is expected of {image!r}")
    return GoldenSet(
        folder.name, tuple(GoldenImage(image, (folder / image).read_bytes, one) for image, one in expected.items())
    )
