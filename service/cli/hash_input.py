"""Reads the images and hashes that `kernelsight hashes` is given, and opens the configured lists."""

import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from pipelines.errors import ImageRejected
from pipelines.image.decode import Picture, decode
from pipelines.moderation.hashes.kinds import HashListKind
from pipelines.moderation.hashes.lists import HashList
from pipelines.moderation.hashes.pdq import MAX_SIDE, MIN_QUALITY, compute_pdq
from service.cli.errors import FileUnreadable, NotHashable
from service.cli.input_files import read_file
from service.components import image_limits
from service.hash_list_store import HashListStore, open_hash_list_stores
from service.settings import SettingsInvalid, load_settings


def read_pictures(images: list[Path]) -> Iterator[tuple[Path, Picture]]:
    """An image that cannot be read is a line on stderr, and exit code 1 at the end."""
    has_failed = False
    for path in images:
        try:
            yield path, read_picture(path)
        except (ImageRejected, FileUnreadable) as error:
            has_failed = True
            print(f"kernelsight: {error}", file=sys.stderr)
    if has_failed:
        raise typer.Exit(1)


def read_picture(path: Path) -> Picture:
    """Raises FileUnreadable."""
    try:
        return decode(read_bytes(path), limits=image_limits(load_settings()), shorter_side=MAX_SIDE)
    except ImageRejected as error:
        raise FileUnreadable(f"{path}: {error}") from error


def read_bytes(path: Path) -> bytes:
    """Raises FileUnreadable."""
    try:
        return read_file(path)
    except (OSError, FileUnreadable) as cause:
        raise FileUnreadable(f"{path}: {cause.strerror if isinstance(cause, OSError) else cause}") from cause


def read_hash(hash_or_path: str) -> bytes:
    """A hash in hexadecimal digits, or the hash of the image file of that name.

    Raises FileUnreadable or NotHashable.
    """
    if len(hash_or_path) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in hash_or_path):
        return bytes.fromhex(hash_or_path)
    picture = read_picture(Path(hash_or_path))
    found = compute_pdq(picture.pixels, picture.width, picture.height)
    if not found.is_hashable:
        raise NotHashable(
            f"{hash_or_path}: PDQ quality {found.quality}, under {MIN_QUALITY}: its hash would match too much"
        )
    return found.hashes[0]


def open_list(kind: HashListKind) -> HashListStore:
    """Raises SettingsInvalid where no list of this kind is configured."""
    store = open_hash_list_stores(load_settings()).get(kind)
    if store is None:
        raise SettingsInvalid(f"there is no {kind} list: KERNELSIGHT_{kind.upper()}_HASHES is not set")
    return store


def summarise(entries: HashList) -> str:
    left_out = "".join(f", {count} left out ({reason})" for reason, count in entries.skipped.items())
    return f"{len(entries)} entries{left_out}, version {entries.version[:12]}"
