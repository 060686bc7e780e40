"""No package that the service needs is under a licence that reaches over to the service."""

import pytest

from deploy.licences import PackageLicence, find_licences, read_requirements

LICENCES = find_licences(read_requirements())
# Weak copyleft that we accept, and why.
ACCEPTED_LGPL = {
    "pi-heif-decoder": "its wheel has libheif and libde265 as shared libraries, which whoever gets it can replace",
}


def is_gpl(licence: str) -> bool:
    """Whether GPL or AGPL, not LGPL, is named, be it as one of several; by its name or its SPDX identifier."""
    words = licence.upper().replace("LGPL", "").replace("LESSER GENERAL PUBLIC LICENSE", "")
    return "GPL" in words or "GENERAL PUBLIC LICENSE" in words or "AFFERO" in words


def is_lgpl(licence: str) -> bool:
    return "LGPL" in licence.upper() or "LESSER GENERAL PUBLIC" in licence.upper()


def test_the_walk_reaches_what_dependencies_need() -> None:
    found = {one.package for one in LICENCES}

    assert {"fastapi", "pydantic_core", "pi-heif-decoder", "pypdfium2", "hiredis"} <= found
    assert not found & {"pytest", "mypy", "hypothesis"}


@pytest.mark.parametrize("licence", LICENCES, ids=lambda one: one.package)
def test_no_dependency_is_under_the_gpl(licence: PackageLicence) -> None:
    assert not is_gpl(licence.licence)
    assert licence.licence != "not stated"


def test_only_accepted_dependencies_are_under_the_lgpl() -> None:
    assert {one.package for one in LICENCES if is_lgpl(one.licence)} == set(ACCEPTED_LGPL)


@pytest.mark.parametrize(
    ("licence", "found"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("GNU Affero General Public License v3", True),
        ("MIT; GNU General Public License v2 (GPLv2)", True),
        ("LGPL-2.1-or-later", False),
        ("BSD-3-Clause; GNU Lesser General Public License v3 (LGPLv3)", False),
        ("Apache-2.0", False),
    ],
)
def test_names_of_the_gpl_are_recognised(licence: str, found: bool) -> None:
    assert is_gpl(licence) == found
