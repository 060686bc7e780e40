"""The file of keys: what is stored, who may edit it, and what is refused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from models.errors import KernelSightError
from service.keys.errors import KeyExists, KeysInvalid, KeysNotWritable, KeyUnknown
from service.keys.key_file import KeyFile


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "new" / "keys.json")


def test_a_token_has_256_random_bits_after_its_prefix(file: KeyFile) -> None:
    tokens = {file.create(name, scopes=["jobs"]) for name in ("one", "two")}

    assert [(token[:3], len(token)) for token in tokens] == [("ks_", 46)] * 2  # 43 characters of 6 bits


def test_the_file_has_the_hash_of_the_token_and_not_the_token(file: KeyFile) -> None:
    token = file.create("shop", scopes=["analyze"])

    text = file.path.read_text()
    assert token.removeprefix("ks_") not in text
    assert json.loads(text)["keys"][0]["sha256"] == sha256(token.encode()).hexdigest()


def test_a_key_is_read_as_it_was_made(file: KeyFile) -> None:
    file.create(
        "shop", tenant="acme", scopes=["jobs", "analyze", "jobs"], requests_per_minute=60, pixels_per_minute=10**9
    )

    [key] = file.read() or ()
    assert (key.name, key.tenant, key.scopes) == ("shop", "acme", ("jobs", "analyze"))
    assert (key.requests_per_minute, key.pixels_per_minute) == (60, 10**9)


def test_a_key_belongs_to_a_tenant_of_its_own_name_by_default(file: KeyFile) -> None:
    file.create("shop", scopes=["analyze"])

    assert [key.tenant for key in file.read() or ()] == ["shop"]


def test_keys_that_several_processes_make_at_once_are_all_kept(file: KeyFile) -> None:
    names = [f"key-{number}" for number in range(12)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda name: KeyFile(file.path).create(name, scopes=["jobs"]), names))

    assert sorted(key.name for key in file.read() or ()) == sorted(names)


def test_a_revoked_key_is_gone_and_the_file_stays(file: KeyFile) -> None:
    file.create("shop", scopes=["analyze"])

    file.revoke(["shop"])

    assert file.read() == ()


def test_nothing_is_revoked_if_a_name_is_unknown(file: KeyFile) -> None:
    file.create("shop", scopes=["analyze"])

    with pytest.raises(KeyUnknown, match="there are: shop"):
        file.revoke(["shop", "none"])

    assert [key.name for key in file.read() or ()] == ["shop"]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "../a", "-a", "a" * 65, "a\n"])
def test_a_name_that_is_no_part_of_a_key_is_refused(file: KeyFile, name: str) -> None:
    with pytest.raises(KeysInvalid, match="name"):
        file.create(name, scopes=["analyze"])


def test_an_unknown_scope_is_refused(file: KeyFile) -> None:
    with pytest.raises(KeysInvalid, match="scopes"):
        file.create("shop", scopes=["everything"])


def test_a_second_key_of_the_same_name_is_refused(file: KeyFile) -> None:
    file.create("shop", scopes=["analyze"])

    with pytest.raises(KeyExists):
        file.create("shop", scopes=["analyze"])


@pytest.mark.parametrize("text", ["", "[]", '{"keys": [{}]}', '{"key": []}'])
def test_a_file_that_is_none_of_keys_is_an_error_that_names_it(file: KeyFile, text: str) -> None:
    file.path.parent.mkdir()
    file.path.write_text(text)

    with pytest.raises(KeysInvalid, match=r"keys\.json"):
        file.read()


@pytest.mark.parametrize(
    ("edit", "error"),
    [(lambda file: file.create("one", scopes=["jobs"]), KeysNotWritable), (lambda file: file.read(), KeysInvalid)],
)
def test_a_path_that_cannot_be_used_is_a_typed_error(
    tmp_path: Path, edit: Callable[[KeyFile], object], error: type[KernelSightError]
) -> None:
    (tmp_path / "a-file").write_text("")

    with pytest.raises(error):
        edit(KeyFile(tmp_path / "a-file" / "keys.json"))
