"""Writes requirements/*.txt, what the image installs with its hashes: `python -m deploy.hashes`, or `make hashes`.

pip resolves each file for each platform under constraints.txt, from the index that it is configured for, and tells the
hashes of the wheels that it would take. The files name no index, so that any can serve them.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "requirements"
PYTHON = (3, 11)  # the image's
_NEWEST_GLIBC = 36  # 2.36, the image's
_OLD_TAGS = {"x86_64": ("manylinux1", "manylinux2010", "manylinux2014"), "aarch64": ("manylinux2014",)}
_HEADER = "# By `make hashes` from constraints.txt and pyproject.toml: what the image installs, and nothing else.\n"

Pins = dict[str, tuple[str, set[str]]]  # by package: the version, and the sha256 of its wheels


@dataclass(frozen=True, slots=True)
class RequirementsFile:
    """`extras` of the project; `build` stands for what builds it."""

    name: str
    extras: tuple[str, ...]
    machines: tuple[str, ...] = ("x86_64", "aarch64")


FILES = (
    RequirementsFile("build", ("build",)),
    RequirementsFile("cpu", ("service", "cpu", "openvino", "otel")),
    RequirementsFile("gpu", ("service", "gpu", "otel"), ("x86_64",)),  # onnxruntime-gpu has no wheels for others
    RequirementsFile("batch", ("batch",)),
    RequirementsFile("ray", ("batch", "ray")),
)


def read_requirements(extras: Iterable[str]) -> list[str]:
    """Those of pyproject.toml."""
    read = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {"service": read["project"]["dependencies"], "build": read["build-system"]["requires"]}
    groups |= read["project"]["optional-dependencies"]
    return [one for extra in extras for one in groups[extra]]


def resolve(requirements: Sequence[str], machine: str) -> Pins:
    """Nothing is installed. Raises CalledProcessError, and pip says why."""
    tags = [*_OLD_TAGS[machine], *(f"manylinux_2_{minor}" for minor in range(5, _NEWEST_GLIBC + 1))]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--quiet", "--disable-pip-version-check", "--dry-run", "--ignore-installed", "--only-binary=:all:"]
        options += [f"--report={report}", f"--target={folder}", f"--constraint={ROOT / 'constraints.txt'}"]
        options += ["--implementation=cp", f"--python-version={PYTHON[0]}.{PYTHON[1]}"]
        options += [f"--platform={tag}_{machine}" for tag in tags]
        subprocess.run([sys.executable, "-m", "pip", "install", *options, *requirements], check=True)
        installs = json.loads(report.read_text())["install"]
    return {
        canonicalize_name(one["metadata"]["name"]): (
            one["metadata"]["version"],
            {one["download_info"]["archive_info"]["hashes"]["sha256"]},
        )
        for one in installs
    }


def merge(found: Iterable[Pins]) -> Pins:
    """Raises ValueError where two platforms would get different versions."""
    merged: Pins = {}
    for pins in found:
        for package, (version, hashes) in pins.items():
            known, others = merged.setdefault(package, (version, set()))
            if known != version:
                raise ValueError(f"{package} is {known} on one platform and {version} on another")
            others |= hashes
    return merged


def format_pins(pins: Mapping[str, tuple[str, set[str]]]) -> str:
    lines = [
        " \\\n    ".join([f"{package}=={version}", *(f"--hash=sha256:{one}" for one in sorted(hashes))])
        for package, (version, hashes) in sorted(pins.items())
    ]
    return _HEADER + "\n".join(lines) + "\n"


def main() -> None:
    if sys.version_info[:2] != PYTHON:  # pip evaluates markers for the Python that runs it
        raise SystemExit(f"run this with Python {PYTHON[0]}.{PYTHON[1]}, which the image has")
    for file in FILES:
        wanted = read_requirements(file.extras)
        pins = merge(resolve(wanted, machine) for machine in file.machines)
        (FOLDER / f"{file.name}.txt").write_text(format_pins(pins))
        print(f"{file.name}.txt: {len(pins)} packages")


if __name__ == "__main__":
    main()
