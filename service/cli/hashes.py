"""`kernelsight hashes`: hash images, check lists of hashes, edit the configured ones, and look images up in them."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.moderation.hashes.kinds import MAX_DISTANCE, HashListKind
from service.cli.errors import NotInHashList

app = typer.Typer(help="Hash images, and keep and search lists of known images.", no_args_is_help=True)

Images = Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)]
HashesOrImages = Annotated[list[str], typer.Argument(help="Image files, or hashes.", show_default=False)]
ToList = Annotated[HashListKind, typer.Option("--to", help="Which of the configured lists.", show_default=False)]
FromList = Annotated[HashListKind, typer.Option("--from", help="Which of the configured lists.", show_default=False)]


@app.command()
def of(images: Images) -> None:
    """Each image's PDQ hash and quality (0-100), one line each; the lines make a list file."""
    import csv

    from pipelines.moderation.hashes.pdq import compute_pdq
    from service.cli.hash_input import read_pictures

    rows = csv.writer(sys.stdout, lineterminator="\n")
    for path, picture in read_pictures(images):
        found = compute_pdq(picture.pixels, picture.width, picture.height)
        rows.writerow([found.hashes[0].hex(), found.quality, path])


@app.command()
def check(files: Annotated[list[Path], typer.Argument(help="Lists, or folders of them.", show_default=False)]) -> None:
    """Read lists as the service would, and count their entries."""
    from service.cli.hash_input import summarise
    from service.hash_list_store import FileHashListStore

    for path in files:
        print(f"{path}: {summarise(FileHashListStore(path).read())}")


@app.command()
def add(
    what: HashesOrImages,
    to: ToList,
    label: Annotated[str, typer.Option(help="What matches are called.")] = "",
    source: Annotated[str, typer.Option(help="Where it comes from.")] = "",
    distance: Annotated[
        int | None, typer.Option(help="A smaller limit for these entries, in bits.", min=0, max=MAX_DISTANCE)
    ] = None,
) -> None:
    """Put images or hashes into a list; running services take it over within two seconds."""
    from pipelines.moderation.hashes.lists import HashEntry
    from service.cli.hash_input import open_list, read_hash

    entries = [HashEntry(hash, label, source, distance) for hash in map(read_hash, what)]
    open_list(to).add(entries)
    print(f"{to} list: {len(entries)} added")


@app.command()
def remove(what: HashesOrImages, kind: FromList) -> None:
    """Take images or hashes out of a list; exit code 1 when one was not in it."""
    from service.cli.hash_input import open_list, read_hash

    store = open_list(kind)
    missing = [name for name in what if not store.remove(read_hash(name))]
    print(f"{kind} list: {len(what) - len(missing)} removed")
    if missing:
        raise NotInHashList(f"not in the {kind} list: {', '.join(missing)}")


@app.command("import")
def import_lists(
    files: Annotated[list[Path], typer.Argument(help="Lists, in any form that is read.", show_default=False)],
    to: ToList,
) -> None:
    """Add all entries of other lists to a list; nothing is added when one of them has a mistake."""
    from pipelines.moderation.hashes.formats import parse_hash_list
    from pipelines.moderation.hashes.lists import HashEntry, HashList
    from service.cli.hash_input import open_list, read_bytes, summarise

    lines = [line for path in files for line in parse_hash_list(read_bytes(path), str(path))]
    entries = HashList.of(lines)
    open_list(to).add(line for line in lines if isinstance(line, HashEntry))
    print(f"{to} list: {summarise(entries)}")


@app.command()
def match(images: Images) -> None:
    """Which entries of the configured lists the images match, nearest first."""
    from pipelines.cpu_pool import CpuPool
    from pipelines.run_context import RunContext
    from service.cli.hash_input import read_pictures
    from service.hash_list_store import open_hash_list_stores, open_known_image_signal
    from service.settings import SettingsInvalid, load_settings

    settings = load_settings()
    if not open_hash_list_stores(settings):
        raise SettingsInvalid("no lists: neither KERNELSIGHT_BLOCK_HASHES nor KERNELSIGHT_ALLOW_HASHES is set")
    pool = CpuPool(threads=1)
    try:
        signal = open_known_image_signal(settings, pool)
        for path, picture in read_pictures(images):
            result = asyncio.run(signal.read(picture, RunContext()))
            for evidence in result.evidence:
                print(f"{path}: {evidence.what}: {evidence.detail}")
            if not result.evidence:
                print(f"{path}: no match")
    finally:
        pool.close()
