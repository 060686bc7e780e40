"""Errors of keys: of their file and commands, and of requests that a key does not allow."""

from collections.abc import Iterable

from models.errors import KernelSightError


class KeysInvalid(KernelSightError):
    code = "keys-invalid"


class KeysNotWritable(KernelSightError):
    code = "keys-not-writable"


class KeyExists(KernelSightError):
    code = "key-exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a key {name!r} already: revoke it first, or take another name")


class KeyUnknown(KernelSightError):
    code = "key-unknown"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no key {name!r}; there are: {', '.join(known) or 'none'}")


class Forbidden(KernelSightError):
    code = "forbidden"


class RateLimited(KernelSightError):
    """`retry_seconds` is when the key has room for such a request again."""

    code = "rate-limited"

    def __init__(self, what: str, limit: int, retry_seconds: float) -> None:
        super().__init__(f"this key's limit is {limit:,} {what} a minute; try again in {retry_seconds:.0f} s")
        self.retry_seconds = retry_seconds
