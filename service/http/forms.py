"""Reads multipart forms within the limits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from pipelines.errors import RequestRejected
from service.errors import MediaTypeRejected, RequestTooComplex
from service.settings import LimitSettings

FORM = "multipart/form-data"

_MAX_NAME_CHARS = 100
_LIMIT_MESSAGES = ("Too many", "Part exceeded", "Field exceeded")  # as Starlette's errors about its limits begin


@asynccontextmanager
async def open_form(
    request: Request, limits: LimitSettings, *, max_files: int = 1, max_fields: int | None = None
) -> AsyncIterator[FormData]:
    """The request's form; its files are closed at the end. `max_fields` is by default that of the limits.

    Raises MediaTypeRejected, RequestRejected, or RequestTooComplex.
    """
    _check_content_type(request)
    fields = limits.max_fields if max_fields is None else max_fields
    try:
        form = await request.form(max_files=max_files, max_fields=fields, max_part_size=limits.max_field_bytes)
    except HTTPException as error:
        kind = RequestTooComplex if error.detail.startswith(_LIMIT_MESSAGES) else RequestRejected
        raise kind(f"the form: {error.detail}") from error
    try:
        if any(len(name) > _MAX_NAME_CHARS for name in form):
            raise RequestTooComplex(f"the form: a field's name has more than {_MAX_NAME_CHARS} characters")
        yield form
    finally:
        await form.close()


def content_type(request: Request) -> str:
    """In lower case and without parameters; empty where there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_content_type(request: Request) -> None:
    kind = content_type(request)
    if kind != FORM:
        raise MediaTypeRejected(f"content type {kind[:100] or 'missing'!r}: send {FORM}")
    # Python's codecs include punycode, which takes minutes for a megabyte. Everybody sends UTF-8, without saying so.
    parameters = request.headers["content-type"].lower().replace('"', "").replace(" ", "").split(";")[1:]
    if any(one.startswith("charset=") and one != "charset=utf-8" for one in parameters):
        raise MediaTypeRejected("the form's charset: send UTF-8")
