"""Lines of a batch: what each asks for, and what is written about it."""

import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from service.batches.types import MOST_REQUESTS, LineError
from service.operations.operation import Reply

CHUNK_LINES = 16  # what one job does: so long an interactive one may wait for it, so much a crash repeats
MOST_ERRORS = 100  # that are told of one file
_LONGEST = 32 * 2**20  # bytes of a line: an image of the largest size as base64, and more


class Line(BaseModel):
    model_config = ConfigDict(extra="ignore")

    custom_id: str
    method: Literal["POST"] = "POST"
    url: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of lines: where it begins in the file, and how many lines with something in them it has."""

    at: int
    lines: int


@dataclass(frozen=True, slots=True)
class Checked:
    chunks: list[Chunk]
    errors: list[LineError]

    @property
    def total(self) -> int:
        return sum(chunk.lines for chunk in self.chunks)


def check(source: BinaryIO, endpoint: str) -> Checked:
    """Cut a file of requests into chunks, once every line of it is known to be one for `endpoint`."""
    chunks: list[Chunk] = []
    errors: list[LineError] = []
    seen: set[str] = set()
    for number, at, text in _numbered(source):
        wrong = _wrong(text, endpoint, seen)
        if wrong is not None:
            errors.append(LineError(line=number, **wrong))
            if len(errors) == MOST_ERRORS:
                return Checked([], errors)
        if not chunks or chunks[-1].lines == CHUNK_LINES:
            chunks.append(Chunk(at, 0))
        chunks[-1] = Chunk(chunks[-1].at, chunks[-1].lines + 1)
        if len(seen) > MOST_REQUESTS:
            return Checked([], [LineError(code="too_many_requests", message=f"more than {MOST_REQUESTS:,} requests")])
    if not chunks:
        errors.append(LineError(code="empty_file", message="the file has no requests"))
    return Checked([] if errors else chunks, errors)


def read(source: BinaryIO, count: int) -> list[Line]:
    """The next `count` requests of a file that was checked."""
    lines = (Line.model_validate_json(text) for _, _, text in _numbered(source))
    return [line for line, _ in zip(lines, range(count), strict=False)]


def answer_line(batch: str, line: Line, request_id: str, status: int, body: Any) -> bytes:
    """OpenAI's output line; `body` is what the route would have answered."""
    response = {"status_code": status, "request_id": request_id, "body": body}
    return _line(batch, line, response, None)


def error_line(batch: str, line: Line, code: str, message: str) -> bytes:
    """For a request that was not tried."""
    return _line(batch, line, None, {"code": code, "message": message})


def body_of(reply: Reply) -> Any:
    """As it is where it is JSON; a file is base64 beside its type, and beside the headers that say where it is from."""
    if reply.media_type == "application/json":
        return orjson.loads(reply.body)
    about = {"media_type": reply.media_type, "headers": dict(reply.headers)}
    if reply.media_type.startswith("text/"):
        return about | {"text": reply.body.decode()}
    return about | {"data": b64encode(reply.body).decode()}


def _line(batch: str, line: Line, response: Mapping[str, Any] | None, error: Mapping[str, Any] | None) -> bytes:
    id = f"batch_req_{batch.removeprefix('batch_')[:8]}{secrets.token_hex(12)}"
    written = {"id": id, "custom_id": line.custom_id, "response": response, "error": error}
    return orjson.dumps(written) + b"\n"


def _numbered(source: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Number, place and text of each line that has something in it."""
    number, at = 0, source.tell()
    while text := source.readline(_LONGEST):
        number += 1
        if text.strip():
            yield number, at, text
        at += len(text)


def _wrong(text: bytes, endpoint: str, seen: set[str]) -> dict[str, str] | None:
    try:
        line = Line.model_validate_json(text)
    except ValidationError as cause:
        first = cause.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return {"code": "invalid_json_line", "message": first["msg"], **({"param": where} if where else {})}
    if line.url != endpoint:
        return {"code": "mismatched_endpoint", "message": f"the batch is for {endpoint}", "param": "url"}
    if line.custom_id in seen:
        return {"code": "duplicate_custom_id", "message": f"custom_id {line.custom_id[:80]!r} again"}
    seen.add(line.custom_id)
    return None
