"""Lists the licences of what the service needs: `python -m deploy.licences`, or `make licences`.

The packages' own metadata say which; who redistributes them in an image has to check what their wheels contain, too.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
RUNTIME_EXTRAS = ("cpu", "openvino", "gpu", "embedded", "batch", "otel", "ray")
_MOST_CHARACTERS = 60  # of a licence: some packages put its whole text there


@dataclass(frozen=True, slots=True)
class PackageLicence:
    """`licence` is an SPDX expression where the package gives one, else its own words or classifiers."""

    package: str
    version: str
    licence: str


def find_licences(requirements: Iterable[str]) -> list[PackageLicence]:
    """Those of `requirements` and of all that they need, by name; packages that are not installed are left out."""
    found = {canonicalize_name(one.name): _read_licence(one) for one in _walk(requirements)}
    return [found[name] for name in sorted(found)]


def read_requirements(pyproject: Path = PYPROJECT) -> list[str]:
    """The service's own, with those of the extras that it can run with."""
    project = tomllib.loads(pyproject.read_text())["project"]
    extras = project["optional-dependencies"]
    return [*project["dependencies"], *(one for name in RUNTIME_EXTRAS for one in extras[name])]


def _walk(requirements: Iterable[str]) -> Iterator[Distribution]:
    waiting, seen = [Requirement(one) for one in requirements], set()
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            found = distribution(wanted.name)
        except PackageNotFoundError:  # of an extra that is not installed here
            continue
        yield found
        needed = map(Requirement, found.requires or ())
        waiting.extend(one for one in needed if _applies(one, wanted.extras))


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _read_licence(found: Distribution) -> PackageLicence:
    fields = found.metadata.get_all
    own_words = (fields("License-Expression") or fields("License") or [""])[0].split("\n")[0]
    classifiers = (one.rsplit(" :: ", 1)[-1] for one in fields("Classifier") or () if one.startswith("License ::"))
    words = dict.fromkeys(filter(None, (own_words[:_MOST_CHARACTERS], *classifiers)))
    return PackageLicence(found.name, found.version, "; ".join(words) or "not stated")


if __name__ == "__main__":
    for one in find_licences(read_requirements()):
        print(f"{one.package:42} {one.version:16} {one.licence}")
