"""`kernelsight hashes`: hash images, check lists of hashes, edit the configured ones, and look images up in them."""

import asyncio
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from models.errors import KernelSightError
from pipelines.cpu_pool import CpuPool
from pipelines.errors import ImageRejected
from pipelines.image.decode import Picture, decode
from pipelines.moderation.hashes.formats import parse_hash_list
from pipelines.moderation.hashes.lists import MAX_DISTANCE, HashEntry, HashList, HashListKind
from pipelines.moderation.hashes.pdq import MAX_SIDE, MIN_QUALITY, compute_pdq
from pipelines.run_context import RunContext
from service.components import image_limits
from service.hash_list_store import FileHashListStore, HashListStore, open_known_image_signal, open_hash_list_stores
from service.settings import SettingsInvalid, load_settings

app = typer.Typer(help="Known images: hash them, keep lists of them, look them up.", no_args_is_help=True)

Images = Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)]
What = Annotated[list[str], typer.Argument(help="Image files, or hashes.", show_default=False)]
To = Annotated[HashListKind, typer.Option(help="Which of the configured lists.", show_default=False)]
From = Annotated[HashListKind, typer.Option("--from", help="Which of the configured lists.", show_default=False)]


class FileUnreadable(KernelSightError):
    code = "file-unreadable"


class NotHashable(KernelSightError):
    code = "not-hashable"


class NotInList(KernelSightError):
    code = "not-in-list"


@app.command()
def of(images: Images) -> None:
    """Each image's PDQ hash and quality (0-100): lines that are a list file themselves."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    for path, picture in _pictures(images):
        found = compute_pdq(picture.pixels, picture.width, picture.height)
        rows.writerow([found.hashes[0].hex(), found.quality, path])


@app.command()
def check(files: Annotated[list[Path], typer.Argument(help="Lists, or folders of them.", show_default=False)]) -> None:
    """Read lists as the service would, and say how many entries they have."""
    for path in files:
        print(f"{path}: {_summary(FileHashListStore(path).read())}")


@app.command()
def add(
    what: What,
    to: To,
    label: Annotated[str, typer.Option(help="What matches are called.")] = "",
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "",
    distance: Annotated[
        int | None, typer.Option(help="A limit of its own, in bits.", min=0, max=MAX_DISTANCE)
    ] = None,
) -> None:
    """Put images or hashes into a list; running services take it over within two seconds."""
    entries = [HashEntry(hash, label, source, distance) for hash in map(_hash_of, what)]
    _place(to).add(entries)
    print(f"{to} list: {len(entries)} added")


@app.command()
def remove(what: What, kind: From) -> None:
    """Take images or hashes out of a list; exit code 1 when one was not in it."""
    place = _place(kind)
    missing = [name for name in what if not place.remove(_hash_of(name))]
    print(f"{kind} list: {len(what) - len(missing)} removed")
    if missing:
        raise NotInList(f"not in the {kind} list: {', '.join(missing)}")


@app.command("import")
def import_file(
    files: Annotated[list[Path], typer.Argument(help="Lists, in any form that is read.", show_default=False)],
    to: To,
) -> None:
    """Add all entries of other lists to a list; nothing is added when one of them has a mistake."""
    found = [line for path in files for line in parse_hash_list(_read(path), str(path))]
    entries = HashList.of(found)
    _place(to).add(line for line in found if isinstance(line, HashEntry))
    print(f"{to} list: {_summary(entries)}")


@app.command()
def match(images: Images) -> None:
    """Which entries of the configured lists the images match, nearest first."""
    settings = load_settings()
    if not open_hash_list_stores(settings):
        raise SettingsInvalid("no lists: neither KERNELSIGHT_BLOCK_HASHES nor KERNELSIGHT_ALLOW_HASHES is set")
    pool = CpuPool(threads=1)
    try:
        known = open_known_image_signal(settings, pool)
        for path, picture in _pictures(images):
            reading = asyncio.run(known.read(picture, RunContext()))
            for one in reading.evidence:
                print(f"{path}: {one.what}: {one.detail}")
            if not reading.evidence:
                print(f"{path}: no match")
    finally:
        pool.close()


def _pictures(images: list[Path]) -> Iterator[tuple[Path, Picture]]:
    """One that cannot be read is a line on stderr, and exit code 1 at the end."""
    failed = False
    for path in images:
        try:
            yield path, _decode(path)
        except (ImageRejected, FileUnreadable) as error:
            failed = True
            print(f"kernelsight: {error}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _decode(path: Path) -> Picture:
    try:
        return decode(_read(path), limits=image_limits(load_settings()), shorter_side=MAX_SIDE)
    except ImageRejected as error:
        raise FileUnreadable(f"{path}: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise FileUnreadable(f"{path}: {cause.strerror}") from cause


def _hash_of(what: str) -> bytes:
    """Of a hash in hexadecimal digits, or of the image file of that name."""
    if len(what) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in what):
        return bytes.fromhex(what)
    picture = _decode(Path(what))
    found = compute_pdq(picture.pixels, picture.width, picture.height)
    if not found.is_hashable:
        raise NotHashable(f"{what}: PDQ quality {found.quality}, under {MIN_QUALITY}: its hash would match too much")
    return found.hashes[0]


def _place(kind: HashListKind) -> HashListStore:
    found = open_hash_list_stores(load_settings()).get(kind)
    if found is None:
        raise SettingsInvalid(f"there is no {kind} list: KERNELSIGHT_{kind.upper()}_HASHES is not set")
    return found


def _summary(entries: HashList) -> str:
    left_out = "".join(f", {count} left out ({reason})" for reason, count in entries.skipped.items())
    return f"{len(entries)} entries{left_out}, version {entries.version[:12]}"
