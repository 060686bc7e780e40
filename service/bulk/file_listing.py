"""Lists files of local folders, object stores and whatever else fsspec reaches, page by page."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import fsspec
from fsspec.utils import glob_translate

from models.errors import KernelSightError
from service.bulk.errors import ExtraMissing, SourceInvalid, SourceUnreadable
from service.bulk.items import BulkItem, escape_name
from service.bulk.manifests import is_manifest, read_manifest

_PAGE_KEYS = 1_000  # the most that S3 gives at once

_MAGIC = re.compile(r"[*?[]")


def open_file_system(url: str) -> tuple[Any, str]:
    """The file system and the path in it; raises SourceInvalid or ExtraMissing."""
    try:
        fs, path = _open_plain(url) if _has_colons_in_name(url) else fsspec.core.url_to_fs(url)
    except ImportError as cause:
        raise ExtraMissing(f"{url.partition('://')[0]}://", "batch") from cause
    except (ValueError, OSError) as cause:
        raise SourceInvalid(f"{url!r} cannot be opened: {cause}") from cause
    if "%" in path and is_local(fs) and not os.path.lexists(path):
        path = unquote(path)  # browsers and `Path.as_uri` escape names, others write them as they are
    return fs, path


def _has_colons_in_name(url: str) -> bool:
    """Whether `::` is in the name, and does not chain file systems as in `zip://a.jpg::s3://shelf/a.zip`."""
    return "::" in url and "://" not in url.partition("::")[2]


def _open_plain(url: str) -> tuple[Any, str]:
    kind = fsspec.get_filesystem_class(url.partition("://")[0] if "://" in url else "file")
    return kind(**kind._get_kwargs_from_urls(url)), kind._strip_protocol(url)


def is_local(fs: Any) -> bool:
    return "file" in _schemes(fs)


def _schemes(fs: Any) -> tuple[str, ...]:
    return fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)


def list_items(url: str) -> Iterator[BulkItem]:
    """Items of a folder, a glob, a manifest, or a single file. Raises SourceInvalid or ExtraMissing."""
    fs, path = open_file_system(url)
    try:
        yield from _list_source(fs, path, url)
    except KernelSightError:
        raise
    except Exception as cause:  # file systems of fsspec raise what their libraries raise
        why = " ".join(str(cause).split()) or "no reason was given"
        raise SourceInvalid(f"{url!r} cannot be listed: {why}") from cause


def _list_source(fs: Any, path: str, url: str) -> Iterator[BulkItem]:
    if is_local(fs) and Path(path).is_dir():
        for item in list_folder(path, ()):
            full = str(fs.unstrip_protocol(item.source))
            yield BulkItem(full, full, item.problem)
        return
    if _MAGIC.search(path) and not fs.exists(path):  # names may look like patterns
        matches = re.compile(glob_translate(path)).fullmatch
        names: Iterator[str] = filter(matches, _list_files(fs, _fixed_part(path)))
    elif is_manifest(path) and fs.isfile(path):
        with fs.open(path, "rb") as file:
            yield from read_manifest(file, url, schemes=None if is_local(fs) else _schemes(fs))
        return
    elif fs.isdir(path):
        names = _list_files(fs, path)
    elif fs.exists(path):
        names = iter([path])
    else:
        raise SourceInvalid(f"nothing there: {url!r}")
    for name in names:
        full = str(fs.unstrip_protocol(name))
        yield BulkItem(full, full)


def _list_files(fs: Any, folder: str) -> Iterator[str]:
    """Paths of the files under `folder`, except hidden ones and those in hidden folders."""
    root = folder.rstrip("/")
    found = _list_s3_files(fs, root) if "s3" in fs.protocol else _walk_files(fs, root)
    return (name for name in found if "/." not in name[len(root) :])


def _walk_files(fs: Any, root: str) -> Iterator[str]:
    for folder, _, names in fs.walk(root):
        yield from (f"{folder.rstrip('/')}/{name}" for name in names)


def _list_s3_files(fs: Any, root: str) -> Iterator[str]:
    """Page by page; fsspec's own walk would hold all keys of a prefix at once."""
    bucket, _, prefix = root.partition("/")
    next_page: dict[str, str] = {}
    while True:
        page = fs.call_s3(
            "list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", MaxKeys=_PAGE_KEYS, **next_page
        )
        yield from (f"{bucket}/{one['Key']}" for one in page.get("Contents", ()) if not one["Key"].endswith("/"))
        if not page.get("IsTruncated"):
            return
        next_page = {"ContinuationToken": page["NextContinuationToken"]}


def _fixed_part(pattern: str) -> str:
    """The folder above the first path component with a wildcard."""
    found = _MAGIC.search(pattern)
    assert found is not None
    return pattern[: found.start()].rpartition("/")[0]


def list_folder(folder: str, excluded: Sequence[Path]) -> Iterator[BulkItem]:
    """Skips hidden files and folders, and does not follow links to folders.

    A folder that cannot be read, and what is neither a file nor a folder, become items with a problem.
    """
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if isinstance(found := _look_at(entry, excluded), BulkItem):
                        yield found
                    elif found == "folder":
                        waiting.append(entry.path)
        except OSError as cause:
            yield _unreadable(current, f"cannot be listed: {cause.strerror or cause}")


def list_matches(pattern: str, excluded: Sequence[Path]) -> Iterator[BulkItem]:
    """Files of this machine that match a glob; what is none, or cannot be read on the way, is an item with a problem.

    `**` follows no links to folders: two that lead in circles have more paths than can ever be walked.
    """
    if "**" in pattern:
        yield from _walk_matches(pattern, excluded)
        return
    for name in glob.iglob(pattern):  # noqa: PTH207  # takes absolute patterns, too
        if os.path.isdir(name) or is_any_of(name, excluded):  # noqa: PTH112
            continue
        is_file = os.path.isfile(name)  # noqa: PTH113
        yield BulkItem(name, name) if is_file else _unreadable(name, "is no file, or leads to none")


def _walk_matches(pattern: str, excluded: Sequence[Path]) -> Iterator[BulkItem]:
    folder = _fixed_part(pattern)
    top = folder or ("/" if pattern.startswith("/") else ".")
    matches = re.compile(glob_translate(pattern)).fullmatch
    for item in list_folder(top, excluded):
        name = item.source.removeprefix("./") if top == "." else item.source
        if matches(name) or (item.problem is not None and os.path.isdir(name)):  # noqa: PTH112
            yield BulkItem(name, name, item.problem)


def _look_at(entry: os.DirEntry[str], excluded: Sequence[Path]) -> BulkItem | Literal["folder", "nothing"]:
    """A link may lead in a circle, to a name that is too long, or through a file: that is the link's problem alone."""
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        if entry.is_dir() or is_any_of(entry.path, excluded):
            return "nothing"
        if entry.is_file():
            return BulkItem(entry.path, entry.path)
        is_nothing = not os.path.exists(entry.path)  # noqa: PTH110
        reason = "is a link to nothing" if is_nothing else "is no file: a pipe, a socket or a device"
        return _unreadable(entry.path, reason)
    except (OSError, RuntimeError) as cause:  # pathlib raises a RuntimeError for links in a circle
        return _unreadable(entry.path, f"cannot be read: {getattr(cause, 'strerror', None) or cause}")


def _unreadable(name: str, reason: str) -> BulkItem:
    return BulkItem(name, name, SourceUnreadable(f"{escape_name(name)!r} {reason}"))


def is_any_of(name: str, paths: Sequence[Path]) -> bool:
    return any(os.path.basename(name) == one.name and Path(name).resolve() == one.resolve() for one in paths)  # noqa: PTH119
