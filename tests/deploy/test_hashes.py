"""requirements/*.txt have the versions of constraints.txt, all packages that the image needs, and their hashes."""

import re

import pytest
from packaging.utils import canonicalize_name

from deploy.hashes import FILES, FOLDER, ROOT, RequirementsFile, format_pins, merge, read_requirements
from deploy.licences import find_licences

_PIN = re.compile(r"([a-z0-9-]+)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)")
CONSTRAINTS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
)
VERSIONS: dict[str, str] = {canonicalize_name(name): version for name, version in CONSTRAINTS.items()}
NOT_TESTED = {"build", "gpu"}  # packages of these that no test runs have no version in constraints.txt


def read_pins(name: str) -> dict[str, str]:
    text = (FOLDER / f"{name}.txt").read_text().replace(" \\\n   ", "")
    found = [(line, _PIN.fullmatch(line)) for line in text.splitlines() if not line.startswith("#")]
    assert [line for line, match in found if match is None] == []
    return {match[1]: match[2] for _, match in found if match}


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.name)
def test_the_versions_are_those_of_the_tests(file: RequirementsFile) -> None:
    pins = read_pins(file.name)

    assert {name: pin for name, pin in pins.items() if pin != VERSIONS.get(name, pin)} == {}
    assert file.name in NOT_TESTED or set(pins) <= set(VERSIONS)


@pytest.mark.parametrize("name", ["cpu", "batch"])
def test_all_that_is_needed_is_there(name: str) -> None:
    [file] = [one for one in FILES if one.name == name]

    needed = {canonicalize_name(one.package) for one in find_licences(read_requirements(file.extras))}

    assert set(read_pins(name)) == needed


def test_every_direct_requirement_is_there() -> None:
    missing = [
        one
        for file in FILES
        for one in read_requirements(file.extras)
        if canonicalize_name(re.split(r"[\[>=]", one)[0]) not in read_pins(file.name)
    ]

    assert missing == []


def test_files_with_a_package_in_common_have_one_version() -> None:
    found: dict[str, set[str]] = {}
    for file in FILES:
        for name, version in read_pins(file.name).items():
            found.setdefault(name, set()).add(version)

    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}


def test_hashes_of_all_platforms_stand_together() -> None:
    pins = merge([{"a": ("1", {"y"})}, {"a": ("1", {"x"}), "b": ("2", {"z"})}])

    assert format_pins(pins).split("\n", 1)[1] == (
        "a==1 \\\n    --hash=sha256:x \\\n    --hash=sha256:y\nb==2 \\\n    --hash=sha256:z\n"
    )


def test_platforms_that_would_differ_in_a_version_are_an_error() -> None:
    with pytest.raises(ValueError, match="a is 1 on one platform and 2"):
        merge([{"a": ("1", {"x"})}, {"a": ("2", {"y"})}])
