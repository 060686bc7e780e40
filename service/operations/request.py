"""Parses an operation's request, without HTTP: its fields and its image."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.cpu_pool import CpuPool
from pipelines.errors import RequestRejected
from service.network.image_fetcher import ImageFetcher

OptionsT = TypeVar("OptionsT", bound=BaseModel)


class ImageReference(BaseModel):
    """An image inside JSON: `data` is base64, bare or as a data URL; `url` is an http(s) URL or a data URL."""

    model_config = ConfigDict(extra="forbid")

    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """A client's request: `image` is a file's bytes or the URL to fetch it from; None where the fields name it."""

    fields: dict[str, Any]
    image: bytes | str | None = None

    def with_defaults(self, fields: Mapping[str, Any]) -> "OperationRequest":
        """The request with those of `fields` that it lacks."""
        return OperationRequest({**fields, **self.fields}, self.image)


def parse_json_request(body: bytes, names: tuple[str, ...]) -> OperationRequest:
    """Parse a JSON body that has its image under one of `names`; raises RequestRejected."""
    return request_from_fields(parse_json(body), names)


def request_from_fields(fields: Any, names: tuple[str, ...]) -> OperationRequest:
    """The request in a parsed JSON body, from which the image's field is removed; raises RequestRejected."""
    if not names and isinstance(fields, dict):
        return OperationRequest(fields)
    given = [name for name in names if isinstance(fields, dict) and name in fields]
    if len(given) != 1:
        wanted = f" with a field {' or '.join(map(repr, names))}" if names else ""
        raise RequestRejected(f"the body must be a JSON object{wanted}")
    image = parse_fields(ImageReference, fields.pop(given[0]), where=given[0])
    return OperationRequest(fields, _decode_reference(image))


def parse_json(body: bytes) -> Any:
    """Raises RequestRejected."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as cause:
        raise RequestRejected(f"the body is not JSON: {cause}") from cause


async def load_image(url: str, pool: CpuPool, fetcher: ImageFetcher) -> bytes:
    """The image at an http(s) or data URL; raises RequestRejected, or what `ImageFetcher.fetch` raises."""
    image = await pool.run(_decode_reference, ImageReference(url=url))
    return await fetcher.fetch(image) if isinstance(image, str) else image


def _decode_reference(image: ImageReference) -> bytes | str:
    """The image's bytes, or the URL that it has to be fetched from; raises RequestRejected."""
    text = image.data if image.data is not None else image.url
    if text is None or (image.data is not None and image.url is not None):
        raise RequestRejected("image: give either 'data' or 'url'")
    if image.url is not None and not image.url.startswith("data:"):
        return image.url
    if text.startswith("data:"):
        head, comma, text = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise RequestRejected("image: a data URL must have the form data:image/…;base64,…")
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as cause:
        raise RequestRejected(f"image: not base64: {cause}") from cause


def parse_fields(kind: type[OptionsT], values: Any, *, where: str) -> OptionsT:
    """Validate `values` as `kind`; raises RequestRejected that names each wrong field."""
    try:
        return kind.model_validate(values)
    except ValidationError as cause:
        errors = (f"{'.'.join([where, *map(str, error['loc'])])}: {error['msg']}" for error in cause.errors())
        raise RequestRejected("; ".join(errors)) from cause
