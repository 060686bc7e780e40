"""Files of object stores and whatever else fsspec reaches, listed page by page."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
from fsspec.utils import glob_translate

from service.bulk.errors import ExtraMissing, SourceInvalid, SourceUnreadable
from service.bulk.items import Item, as_text
from service.bulk.manifests import is_manifest, manifest_items

_PAGE = 1_000  # keys; the most that S3 gives at once

_MAGIC = re.compile(r"[*?[]")


def file_system(url: str) -> tuple[Any, str]:
    """The file system and the path in it; raises SourceInvalid or ExtraMissing."""
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as cause:
        raise ExtraMissing(f"{url.partition('://')[0]}://", "batch") from cause
    except (ValueError, OSError) as cause:
        raise SourceInvalid(f"{url!r} cannot be opened: {cause}") from cause
    return fs, path


def is_local(fs: Any) -> bool:
    return "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))


def items(url: str) -> Iterator[Item]:
    """Those of a folder, a glob, a manifest, or a single file. Raises SourceInvalid or ExtraMissing."""
    fs, path = file_system(url)
    try:
        yield from _items(fs, path, url)
    except (OSError, ValueError) as cause:  # what file systems of fsspec raise
        raise SourceInvalid(f"{url!r} cannot be listed: {cause}") from cause


def _items(fs: Any, path: str, url: str) -> Iterator[Item]:
    if _MAGIC.search(path):
        matches = re.compile(glob_translate(path)).fullmatch
        names: Iterator[str] = filter(matches, _files(fs, _fixed_part(path)))
    elif is_manifest(path) and fs.isfile(path):
        with fs.open(path, "rb") as file:
            yield from manifest_items(file, url)
        return
    elif fs.isdir(path):
        names = _files(fs, path)
    elif fs.exists(path):
        names = iter([path])
    else:
        raise SourceInvalid(f"nothing there: {url!r}")
    for name in names:
        full = str(fs.unstrip_protocol(name))
        yield Item(full, full)


def _files(fs: Any, folder: str) -> Iterator[str]:
    """Paths of the files under `folder`, but those with a hidden part."""
    root = folder.rstrip("/")
    found = _s3_files(fs, root) if "s3" in fs.protocol else _walked(fs, root)
    return (name for name in found if "/." not in name[len(root) :])


def _walked(fs: Any, root: str) -> Iterator[str]:
    for folder, _, names in fs.walk(root):
        yield from (f"{folder.rstrip('/')}/{name}" for name in names)


def _s3_files(fs: Any, root: str) -> Iterator[str]:
    """fsspec's own walk would hold all keys of a prefix at once."""
    bucket, _, prefix = root.partition("/")
    more: dict[str, str] = {}
    while True:
        page = fs.call_s3(
            "list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", MaxKeys=_PAGE, **more
        )
        yield from (f"{bucket}/{one['Key']}" for one in page.get("Contents", ()) if not one["Key"].endswith("/"))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _fixed_part(pattern: str) -> str:
    """The folder above the first part that has a wildcard."""
    found = _MAGIC.search(pattern)
    assert found is not None
    return pattern[: found.start()].rpartition("/")[0]


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
