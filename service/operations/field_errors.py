"""Validates fields, and describes what is wrong with them in a few short lines without the validator's inner names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipelines.errors import RequestRejected

ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_ERRORS = 10  # in one answer
_MAX_WHERE_CHARS = 80
_MAX_WHAT_CHARS = 117  # with the place and ": " under 200

_PLAIN_MESSAGES = {"model_type": "Input should be an object"}  # instead of one that names a class of ours


@dataclass(frozen=True, slots=True)
class FieldError:
    """`where` is the path to the field, `what` the reason; both are cut to a bounded length."""

    where: str
    what: str

    @classmethod
    def of(cls, path: Sequence[str], error: Mapping[str, Any]) -> "FieldError":
        message = _PLAIN_MESSAGES.get(error["type"], error["msg"])
        return cls(_cut(".".join(path), _MAX_WHERE_CHARS), _cut(message, _MAX_WHAT_CHARS))


@dataclass(frozen=True, slots=True)
class FieldErrors:
    """The first errors of a request, each once, and the number of the others."""

    errors: list[FieldError]
    more: int

    @classmethod
    def of(cls, found: Sequence[FieldError]) -> "FieldErrors":
        distinct = list(dict.fromkeys(found))
        return cls(distinct[:MAX_ERRORS], max(0, len(distinct) - MAX_ERRORS))

    def __str__(self) -> str:
        lines = [f"{error.where}: {error.what}" for error in self.errors]
        return "; ".join(lines) + (f"; and {self.more:,} more" if self.more else "")


def parse_fields(kind: type[ModelT], values: Any, *, where: str) -> ModelT:
    """Validate `values` as `kind`; raises RequestRejected that names the wrong fields, at most MAX_ERRORS."""
    try:
        return kind.model_validate(values)
    except ValidationError as cause:
        raise RequestRejected(str(describe_errors(cause, values, where=where))) from cause


def describe_errors(error: ValidationError, values: Any, *, where: str = "") -> FieldErrors:
    """`values` are what was validated, `where` the path to them."""
    start = [where] if where else []
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return FieldErrors.of([FieldError.of([*start, *_real_path(one, values)], one) for one in found])


def describe_parameter_errors(found: Sequence[Mapping[str, Any]]) -> FieldErrors:
    """Of FastAPI's errors in query, path and headers, whose values are flat: the kind and the name say where."""
    return FieldErrors.of([FieldError.of([str(part) for part in one["loc"][:2]], one) for one in found])


def _real_path(error: Mapping[str, Any], value: Any) -> Iterator[str]:
    """The parts of the error's location that are in the request: pydantic adds names of types and of its functions."""
    for part in error["loc"]:
        if isinstance(value, dict | list | tuple):
            try:
                value = value[part]
            except (LookupError, TypeError):
                continue
            yield str(part)
    if error["type"] == "missing":
        yield str(error["loc"][-1])


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
