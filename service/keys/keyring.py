"""Finds the caller that a token belongs to, in the keys of the file and the one of the environment.

The file is read again when it has changed. Once there is one, every caller needs a key, even if the file has none or
goes missing: a mistake must not open the service. Only a service that starts without any keys serves everybody.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.cpu_pool import CpuPool
from service.errors import Unauthorised
from service.hot_reload import Reloading
from service.keys.caller import UNRESTRICTED, Caller
from service.keys.errors import KeysInvalid
from service.keys.key_file import ApiKey, KeyFile, hash_token
from service.settings import ServerSettings

CallersByHash = Mapping[str, Caller]  # by the token's SHA-256


@dataclass(frozen=True)
class Keyring:
    """`callers` is None while there is no file of keys."""

    environment_key: str | None
    callers: Reloading[CallersByHash | None]

    async def identify(self, token: str | None) -> Caller:
        """Raises Unauthorised."""
        callers = await self.callers.current()
        if callers is None and self.environment_key is None:
            return UNRESTRICTED
        if token is None:
            raise Unauthorised("send the API key as: Authorization: Bearer KEY")
        if self.environment_key is not None and _is_same(token, self.environment_key):
            return UNRESTRICTED
        caller = (callers or {}).get(hash_token(token))
        if caller is None:
            raise Unauthorised("the API key is wrong or was revoked")
        return caller


def open_keyring(settings: ServerSettings) -> Keyring:
    """Raises KeysInvalid."""
    file = KeyFile(settings.keys.expanduser())
    is_kept = False

    def load() -> CallersByHash | None:
        nonlocal is_kept
        keys = file.read()
        if keys is None and is_kept:
            raise KeysInvalid(f"{file.path} is gone")
        is_kept = keys is not None
        return None if keys is None else {key.sha256: _to_caller(key) for key in keys}

    environment_key = settings.api_key.get_secret_value() if settings.api_key else None
    pool = CpuPool(threads=1)  # of its own: a key is checked at once even while all threads decode
    return Keyring(environment_key, Reloading("the file of keys", load, file.state, pool))


def _is_same(token: str, key: str) -> bool:
    return hmac.compare_digest(token.encode(), key.encode())


def _to_caller(key: ApiKey) -> Caller:
    return Caller(frozenset(key.scopes), key.name, key.tenant, key.requests_per_minute, key.pixels_per_minute)
