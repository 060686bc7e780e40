"""Validates the request lines of a batch file, and formats its answer lines."""

import secrets
from base64 import b64encode
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from service.batches.types import MAX_REQUESTS, LineError
from service.errors import RequestTooComplex
from service.operations.field_errors import describe_parameter_errors
from service.operations.json_request import check_structure, check_value_count, is_utf16
from service.operations.operation import OperationReply
from service.settings import LimitSettings

CHUNK_LINES = 16  # lines per job: an interactive job may wait for so many, and a crash repeats so many
MAX_ERRORS = 100  # reported for one file
_MAX_LINE_BYTES = 32 * 2**20  # bytes of a line: more than the largest image as base64


class RequestLine(BaseModel):
    model_config = ConfigDict(extra="ignore")

    custom_id: str
    method: Literal["POST"] = "POST"
    url: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LineChunk:
    """Consecutive lines: their offset in the file in bytes, and the number of them that are not blank."""

    offset: int
    lines: int


@dataclass(frozen=True, slots=True)
class ValidatedFile:
    chunks: list[LineChunk]
    errors: list[LineError]

    @property
    def total(self) -> int:
        return sum(chunk.lines for chunk in self.chunks)


def validate_file(source: BinaryIO, endpoint: str, limits: LimitSettings) -> ValidatedFile:
    """Check that every line is a request for `endpoint` within the limits of JSON, and cut the file into chunks."""
    chunks: list[LineChunk] = []
    errors: list[LineError] = []
    seen: set[str] = set()
    for number, offset, text in _numbered_lines(source):
        error = _find_error(text, endpoint, seen, limits)
        if error is not None:
            errors.append(LineError(line=number, **error))
            if len(errors) == MAX_ERRORS:
                return ValidatedFile([], errors)
        if not chunks or chunks[-1].lines == CHUNK_LINES:
            chunks.append(LineChunk(offset, 0))
        chunks[-1] = LineChunk(chunks[-1].offset, chunks[-1].lines + 1)
        if len(seen) > MAX_REQUESTS:
            return ValidatedFile(
                [], [LineError(code="too_many_requests", message=f"more than {MAX_REQUESTS:,} requests")]
            )
    if not chunks:
        errors.append(LineError(code="empty_file", message="the file has no requests"))
    return ValidatedFile([] if errors else chunks, errors)


def read_lines(source: BinaryIO, count: int) -> list[RequestLine]:
    """The next `count` requests of a validated file."""
    lines = (RequestLine.model_validate_json(text) for _, _, text in _numbered_lines(source))
    return [line for line, _ in zip(lines, range(count), strict=False)]


def format_answer(batch: str, line: RequestLine, request_id: str, status: int, body: Any) -> bytes:
    """An output line in OpenAI's form; `body` is the answer of the route."""
    response = {"status_code": status, "request_id": request_id, "body": body}
    return _format_line(batch, line, response, None)


def format_error(batch: str, line: RequestLine, code: str, message: str) -> bytes:
    """An output line for a request that was not run."""
    return _format_line(batch, line, None, {"code": code, "message": message})


def answer_body(reply: OperationReply) -> Any:
    """JSON as it is; text and files (as base64) together with their media type and headers."""
    if reply.media_type == "application/json":
        return orjson.loads(reply.body)
    about = {"media_type": reply.media_type, "headers": dict(reply.headers)}
    if reply.media_type.startswith("text/"):
        return about | {"text": reply.body.decode()}
    return about | {"data": b64encode(reply.body).decode()}


def _format_line(
    batch: str, line: RequestLine, response: Mapping[str, Any] | None, error: Mapping[str, Any] | None
) -> bytes:
    id = f"batch_req_{batch.removeprefix('batch_')[:8]}{secrets.token_hex(12)}"
    written = {"id": id, "custom_id": line.custom_id, "response": response, "error": error}
    return orjson.dumps(written) + b"\n"


def _numbered_lines(source: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and text of each line that is not blank, without the byte-order mark that some editors write."""
    number, offset = 0, source.tell()
    while text := source.readline(_MAX_LINE_BYTES):
        number += 1
        content = text.removeprefix(BOM_UTF8)  # also where files that begin with one were joined
        if content.strip():
            yield number, offset, content
        offset += len(text)


def _find_error(text: bytes, endpoint: str, seen: set[str], limits: LimitSettings) -> dict[str, str] | None:
    if is_utf16(text):
        return {"code": "invalid_json_line", "message": "the file is in UTF-16 or UTF-32; it must be in UTF-8"}
    try:
        check_value_count(text, limits.max_json_values)
        line = RequestLine.model_validate_json(text)
        check_structure(line.body, limits)
    except RequestTooComplex as cause:
        return {"code": "invalid_json_line", "message": str(cause)}
    except ValidationError as cause:
        first = describe_parameter_errors(cause.errors()).errors[0]
        return {"code": "invalid_json_line", "message": first.what, **({"param": first.where} if first.where else {})}
    if line.url != endpoint:
        return {"code": "mismatched_endpoint", "message": f"the batch is for {endpoint}", "param": "url"}
    if line.custom_id in seen:
        return {"code": "duplicate_custom_id", "message": f"custom_id {line.custom_id[:80]!r} again"}
    seen.add(line.custom_id)
    return None
