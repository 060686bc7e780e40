"""Reads multipart forms within limits, as browsers, mail libraries and hand-written clients send them."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from pipelines.errors import RequestRejected
from service.errors import MediaTypeRejected, RequestTooComplex
from service.settings import LimitSettings

FORM = "multipart/form-data"

_FILE_FIELD = b"file"
_MAX_NAME_CHARS = 100
_MAX_PREAMBLE_BYTES = 64 * 1024
_LIMIT_MESSAGES = ("Too many", "Part exceeded", "Field exceeded")  # as Starlette's errors about its limits begin


@asynccontextmanager
async def open_form(
    request: Request, limits: LimitSettings, *, max_files: int = 1, max_fields: int | None = None
) -> AsyncIterator[FormData]:
    """The request's form; its files are closed at the end. `max_fields` is by default that of the limits.

    A part called `file` is a file even if its sender gave it no name. Raises MediaTypeRejected, RequestRejected,
    or RequestTooComplex.
    """
    _check_content_type(request)
    try:
        boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary", b"")
        parser = _FormParser(
            request.headers,
            _skip_preamble(request.stream(), b"--" + boundary),
            max_files=max_files,
            max_fields=limits.max_fields if max_fields is None else max_fields,
            max_part_size=limits.max_field_bytes,
        )
        form = await parser.parse()
    except MultiPartException as error:
        kind = RequestTooComplex if error.message.startswith(_LIMIT_MESSAGES) else RequestRejected
        raise kind(f"the form: {error.message}") from error
    try:
        if any(len(name) > _MAX_NAME_CHARS for name in form):
            raise RequestTooComplex(f"the form: a field's name has more than {_MAX_NAME_CHARS} characters")
        yield form
    finally:
        await form.close()


def check_uncompressed(request: Request) -> None:
    """Raises MediaTypeRejected: bodies are read as they are sent, within limits that unpacking would escape."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise MediaTypeRejected(f"content encoding {coding[:100]!r}: send the body uncompressed")


def content_type(request: Request) -> str:
    """In lower case and without parameters; empty where there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class _FormParser(MultiPartParser):
    """Starlette's parser, which takes a part for a file only if it has a parameter `filename`."""

    def on_headers_finished(self) -> None:
        part = self._current_part
        disposition = part.content_disposition or b""
        options = parse_options_header(disposition)[1]
        # Its library drops `filename*` (RFC 8187), which RFC 7578 forbids in forms and some clients send alone.
        is_file = options.get(b"name") == _FILE_FIELD or b"filename*=" in disposition.lower()
        if is_file and b"filename" not in options:
            part.content_disposition = disposition + b'; filename=""'
        super().on_headers_finished()


async def _skip_preamble(stream: AsyncGenerator[bytes, None], boundary: bytes) -> AsyncGenerator[bytes, None]:
    """The form from its first boundary on: mail libraries write a sentence before it, which RFC 2046 allows.

    A form without a boundary in its first bytes is left as it is: the parser says what is wrong.
    """
    start, is_searching = b"", True
    async for chunk in stream:
        if not is_searching:
            yield chunk
            continue
        searched = max(0, len(start) - len(boundary) - 1)  # a boundary may lie across two chunks
        start += chunk
        at = 0 if start.startswith(boundary) else start.find(b"\r\n" + boundary, searched)
        if at >= 0 or len(start) > _MAX_PREAMBLE_BYTES:
            is_searching = False
            yield start[max(at, 0) :]
    if is_searching:
        yield start


def _check_content_type(request: Request) -> None:
    check_uncompressed(request)
    kind = content_type(request)
    if kind != FORM:
        raise MediaTypeRejected(f"content type {kind[:100] or 'missing'!r}: send {FORM}")
    # Python's codecs include punycode, which takes minutes for a megabyte. Everybody sends UTF-8, without saying so.
    parameters = request.headers["content-type"].lower().replace('"', "").replace(" ", "").split(";")[1:]
    if any(one.startswith("charset=") and one != "charset=utf-8" for one in parameters):
        raise MediaTypeRejected("the form's charset: send UTF-8")
