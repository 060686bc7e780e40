"""Which caller a token belongs to, and when keys are needed at all."""

import asyncio
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.errors import Unauthorised
from service.keys.caller import UNRESTRICTED, Caller
from service.keys.errors import Forbidden
from service.keys.key_file import KeyFile
from service.keys.keyring import Keyring, open_keyring
from service.keys.scopes import Scope
from service.settings import ServerSettings


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def open_ring(file: KeyFile, key: str | None = None) -> Keyring:
    return open_keyring(ServerSettings(keys=file.path, api_key=SecretStr(key) if key else None))


def identify(ring: Keyring, token: str | None) -> Caller:
    return asyncio.run(ring.identify(token))


async def identify_until(ring: Keyring, token: str | None, *, is_known: bool) -> bool:
    """Whether the file's change arrives; it is looked at once a second."""
    for _ in range(200):
        try:
            await ring.identify(token)
            found = True
        except Unauthorised:
            found = False
        if found is is_known:
            return True
        await asyncio.sleep(0.05)
    return False


def test_without_any_keys_everybody_may_do_everything(file: KeyFile) -> None:
    assert identify(open_ring(file), None) == UNRESTRICTED


def test_the_key_from_the_environment_has_every_scope_beside_a_file(file: KeyFile) -> None:
    file.create("shop", scopes=["analyze"])

    assert identify(open_ring(file, "open sesame"), "open sesame") == UNRESTRICTED


def test_a_key_of_the_file_has_its_scopes_and_tenant(file: KeyFile) -> None:
    token = file.create("shop", tenant="acme", scopes=["analyze"], requests_per_minute=5)

    caller = identify(open_ring(file), token)

    assert caller == Caller(frozenset({"analyze"}), "shop", "acme", 5)


@pytest.mark.parametrize("token", [None, "", "ks_", "wrong"])
def test_a_wrong_token_is_refused(file: KeyFile, token: str | None) -> None:
    file.create("shop", scopes=["analyze"])

    with pytest.raises(Unauthorised):
        identify(open_ring(file), token)


def test_the_hash_in_the_file_is_no_token(file: KeyFile) -> None:
    file.create("shop", scopes=["analyze"])
    [key] = file.read() or ()

    with pytest.raises(Unauthorised):
        identify(open_ring(file), key.sha256)


def test_keys_that_are_made_and_revoked_meanwhile_take_effect(file: KeyFile) -> None:
    async def make_and_revoke() -> list[bool]:
        ring = open_ring(file)
        token = file.create("shop", scopes=["analyze"])
        outcomes = [await identify_until(ring, None, is_known=False), await identify_until(ring, token, is_known=True)]
        file.revoke(["shop"])
        return [*outcomes, await identify_until(ring, token, is_known=False)]

    assert asyncio.run(make_and_revoke()) == [True, True, True]


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_text("no JSON")])
def test_a_file_that_goes_missing_or_is_damaged_opens_nothing(file: KeyFile, spoil: object) -> None:
    async def lose_file() -> tuple[bool, Caller]:
        token = file.create("shop", scopes=["analyze"])
        ring = open_ring(file)
        assert callable(spoil)
        spoil(file.path)
        end = time.monotonic() + 2.5  # longer than it takes to notice
        while time.monotonic() < end:
            await asyncio.sleep(0.1)
            caller = await ring.identify(token)
        return await identify_until(ring, None, is_known=False), caller

    is_refused, caller = asyncio.run(lose_file())
    assert is_refused
    assert caller.key == "shop"


def test_a_file_without_keys_lets_nobody_in(file: KeyFile) -> None:
    file.create("shop", scopes=["analyze"])
    file.revoke(["shop"])

    with pytest.raises(Unauthorised):
        identify(open_ring(file), None)


def test_a_caller_sees_its_own_tenant_and_an_operator_all() -> None:
    own, operator = Caller(frozenset({"jobs"}), "a", "acme"), Caller(frozenset({"operate"}), "b", "ops")

    assert [own.may_see(tenant) for tenant in ("acme", "other", None)] == [True, False, False]
    assert [operator.may_see(tenant) for tenant in ("acme", "other", None)] == [True, True, True]


def test_a_caller_without_a_tenant_does_not_see_what_belongs_to_nobody() -> None:
    assert not Caller(frozenset({"jobs"})).may_see(None)


def test_what_a_key_lacks_is_named() -> None:
    with pytest.raises(Forbidden, match="'documents'"):
        Caller(frozenset({"jobs"})).require("jobs", "documents")


@pytest.mark.parametrize(("scopes", "reads"), [({"analyze"}, False), ({"analyze", "documents"}, True)])
def test_the_sender_of_a_request_reads_documents_with_their_scope(scopes: set[Scope], reads: bool) -> None:
    assert Caller(frozenset(scopes), "shop").sender.reads_documents is reads
