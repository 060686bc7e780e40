"""Reads JSON requests within the limits, and the images in them.

Values are counted before anything is built from them: 80 MB of `[],[],` would be 2 GB of objects.
"""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from service.errors import RequestTooComplex
from service.network.image_fetcher import ImageFetcher
from service.operations.data_urls import decode_base64, decode_data_url, is_data_url
from service.operations.field_errors import parse_fields
from service.operations.operation import OperationRequest
from service.settings import LimitSettings

_MAX_PARSED_DEPTH = 1024  # orjson's: between two commas there are no more objects and arrays


class ImageReference(BaseModel):
    """An image inside JSON: `data` is base64, bare or as a data URL; `url` is an http(s) URL or a data URL."""

    model_config = ConfigDict(extra="forbid")

    data: str | None = None
    url: str | None = None


def parse_json_request(body: bytes, names: tuple[str, ...], limits: LimitSettings) -> OperationRequest:
    """Parse a JSON body that has its image under one of `names`; raises RequestRejected."""
    return request_from_fields(parse_json(body, limits), names, limits)


def is_utf16(text: bytes) -> bool:
    """Whether it begins with the byte-order mark of UTF-16 or UTF-32: JSON of any kind is read in UTF-8 alone."""
    return text.startswith((BOM_UTF16_LE, BOM_UTF16_BE))


def parse_json(body: bytes, limits: LimitSettings) -> Any:
    """Raises RequestRejected; its kind RequestTooComplex before a body with too many values is parsed."""
    check_value_count(body, limits.max_json_values)
    if is_utf16(body):
        raise RequestRejected("the body is in UTF-16 or UTF-32; JSON must be in UTF-8")
    try:
        return orjson.loads(body.removeprefix(BOM_UTF8))  # which RFC 8259 lets readers ignore; PowerShell sends it
    except orjson.JSONDecodeError as cause:
        raise RequestRejected(f"the body is not JSON: {cause}") from cause


def request_from_fields(fields: Any, names: tuple[str, ...], limits: LimitSettings) -> OperationRequest:
    """The request in a parsed JSON body, from which the image's field is removed; raises RequestRejected."""
    if not names and isinstance(fields, dict):
        check_structure(fields, limits)
        return OperationRequest(fields)
    given = [name for name in names if isinstance(fields, dict) and name in fields]
    if len(given) != 1:
        wanted = f" with a field {' or '.join(map(repr, names))}" if names else ""
        raise RequestRejected(f"the body must be a JSON object{wanted}")
    image = parse_fields(ImageReference, fields.pop(given[0]), where=given[0])
    check_structure(fields, limits)
    return OperationRequest(fields, _decode_reference(image))


def check_value_count(body: bytes, limit: int) -> None:
    """Raises RequestTooComplex if JSON has more names and values than `limit`, by the characters that begin them."""
    if (body.count(b",") + 1) * _MAX_PARSED_DEPTH <= limit:
        return  # an image with a few options: one pass over it is enough
    if sum(map(body.count, (b",", b"[", b"{"))) <= limit and body.count(b'"') <= 2 * limit:
        return
    # Commas and brackets may be in texts, which is worth a closer look. Strings are counted first, as each is a piece.
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")
    strings = bare.count(b'"') // 2
    outside = b"".join(bare.split(b'"')[::2]) if strings <= limit else b""
    if strings > limit or sum(map(outside.count, (b",", b"[", b"{"))) > limit:
        raise RequestTooComplex(f"the JSON has more than {limit:,} names and values")


def check_structure(value: Any, limits: LimitSettings) -> None:
    """Check depth, fields of objects, items of arrays, and lengths of texts; raises RequestTooComplex.

    Data URLs and the base64 in a field `data` are images and no texts: the limits of images are theirs.
    """
    level, depth = [("body", value)], 0
    while level:
        if depth > limits.max_json_depth:
            raise RequestTooComplex(f"the JSON is nested deeper than {limits.max_json_depth} levels")
        level = [inner for name, one in level for inner in _open_value(name, one, limits)]
        depth += 1


async def load_image(url: str, pool: CpuPool, fetcher: ImageFetcher) -> bytes:
    """The image at an http(s) or data URL; raises RequestRejected, or what `ImageFetcher.fetch` raises."""
    image = await pool.run(_decode_reference, ImageReference(url=url))
    return await fetcher.fetch(image) if isinstance(image, str) else image


def _open_value(field: str, value: Any, limits: LimitSettings) -> Iterator[tuple[str, Any]]:
    """The values inside an object or an array, each with the field that it is in."""
    if isinstance(value, str) and len(value) > limits.max_text_chars and not is_data_url(value):
        raise RequestTooComplex(
            f"{field[:80]}: a text has {len(value):,} characters; the limit is {limits.max_text_chars:,}"
        )
    if isinstance(value, list) and len(value) > limits.max_inputs:
        raise RequestTooComplex(f"{field[:80]}: an array has {len(value):,} items; the limit is {limits.max_inputs:,}")
    if isinstance(value, dict) and len(value) > limits.max_fields:
        raise RequestTooComplex(
            f"{field[:80]}: an object has {len(value):,} fields; the limit is {limits.max_fields:,}"
        )
    if isinstance(value, dict):
        yield from ((name, inner) for name, inner in value.items() if name != "data" or not isinstance(inner, str))
    elif isinstance(value, list):
        yield from ((field, inner) for inner in value)


def _decode_reference(image: ImageReference) -> bytes | str:
    """The image's bytes, or the URL that it has to be fetched from; raises RequestRejected."""
    text = image.data if image.data is not None else image.url
    if text is None or (image.data is not None and image.url is not None):
        raise RequestRejected("image: give either 'data' or 'url'")
    if is_data_url(text):
        return decode_data_url(text)
    return decode_base64(text) if image.url is None else text.strip()
