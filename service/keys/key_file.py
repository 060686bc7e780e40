"""The file of API keys: the hash of each token, with the key's name, tenant, scopes and limits.

A token is 256 random bits, so its SHA-256 tells nothing about it: there is no dictionary to try. Slow hashes such as
Argon2 protect passwords, which people choose from few; here they would only make every request cost 100 ms.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import filelock
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.atomic_write import write_atomically
from service.hot_reload import file_state
from service.keys.errors import KeyExists, KeysInvalid, KeysNotWritable, KeyUnknown
from service.keys.scopes import Scope

TOKEN_PREFIX = "ks_"  # scanners for leaked secrets find tokens by it
_TOKEN_BYTES = 32

# No colon: names are parts of keys in Redis.
KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class ApiKey(BaseModel):
    """A key as it is stored. Objects belong to the `tenant`, which several keys may share.

    `created_at` is in Unix seconds; a limit that is None is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: KeyName
    tenant: KeyName
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: tuple[Scope, ...] = Field(min_length=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    pixels_per_minute: int | None = Field(default=None, ge=1)
    created_at: int


class KeyFileContent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[ApiKey, ...] = ()

    @field_validator("keys")
    @classmethod
    def _check_names(cls, keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        names = [key.name for key in keys]
        if repeated := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two keys have the name {min(repeated)!r}")
        return keys


def new_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True)
class KeyFile:
    """The folder is made with the first key; processes that edit the file take turns."""

    path: Path

    def state(self) -> Hashable:
        return file_state([self.path])

    def read(self) -> tuple[ApiKey, ...] | None:
        """None where there is no file. Raises KeysInvalid."""
        try:
            return KeyFileContent.model_validate_json(self.path.read_bytes()).keys
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise KeysInvalid(f"{self.path}: {cause.strerror}") from cause
        except ValidationError as cause:
            first = cause.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise KeysInvalid(
                f"{self.path} is no file of keys: {where + ': ' if where else ''}{first['msg']}"
            ) from cause

    def create(
        self,
        name: str,
        *,
        tenant: str | None = None,
        scopes: Iterable[str],
        requests_per_minute: int | None = None,
        pixels_per_minute: int | None = None,
    ) -> str:
        """Store a new key, of the tenant `name` unless another is named, and return its token.

        The token is stored nowhere. Raises KeyExists, KeysInvalid or KeysNotWritable.
        """
        token = new_token()
        fields = {
            "name": name,
            "tenant": tenant or name,
            "sha256": hash_token(token),
            "scopes": tuple(dict.fromkeys(scopes)),
            "requests_per_minute": requests_per_minute,
            "pixels_per_minute": pixels_per_minute,
            "created_at": int(time.time()),
        }
        try:
            key = ApiKey.model_validate(fields)
        except ValidationError as cause:
            first = cause.errors()[0]
            raise KeysInvalid(f"{first['loc'][0]}: {first['msg']}") from cause

        def add(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
            if name in (one.name for one in keys):
                raise KeyExists(name)
            return (*keys, key)

        self._edit(add)
        return token

    def revoke(self, names: Iterable[str]) -> None:
        """Remove all of these keys, or none where one is unknown.

        The file stays even without a key: nobody gets in by revoking the last one. Raises KeyUnknown, KeysInvalid or
        KeysNotWritable.
        """
        revoked = set(names)

        def remove(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
            known = {key.name for key in keys}
            if unknown := revoked - known:
                raise KeyUnknown(min(unknown), sorted(known))
            return tuple(key for key in keys if key.name not in revoked)

        self._edit(remove)

    def _edit(self, change: Callable[[tuple[ApiKey, ...]], tuple[ApiKey, ...]]) -> None:
        with self._locked():
            content = KeyFileContent(keys=change(self.read() or ()))
            write_atomically(self.path, content.model_dump_json(indent=2, exclude_none=True) + "\n")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self.path.with_name(f".{self.path.name}.lock")):
                yield
        except OSError as cause:
            raise KeysNotWritable(f"{self.path} cannot be written: {cause.strerror or cause}") from cause
