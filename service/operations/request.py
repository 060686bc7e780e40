"""An operation's request without HTTP: its fields, its image, and how both are parsed."""

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


class ImageInput(BaseModel):
    """An image inside JSON: `data` is base64, bare or as a data URL; `url` is http(s), or a data URL as well."""

    model_config = ConfigDict(extra="forbid")

    data: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What a client sent. `image` is a file's bytes or the URL that it is fetched from; None where fields name it."""

    fields: dict[str, Any]
    image: bytes | str | None = None

    def over(self, fields: Mapping[str, Any]) -> "OperationRequest":
        """With `fields` where it has none of that name."""
        return OperationRequest({**fields, **self.fields}, self.image)


def parse_request(body: bytes, names: tuple[str, ...]) -> OperationRequest:
    """Of a JSON body; raises RequestRejected."""
    return request_of_fields(parse_json(body), names)


def request_of_fields(fields: Any, names: tuple[str, ...]) -> OperationRequest:
    """Of what a JSON body says, which loses its image; raises RequestRejected."""
    if not names and isinstance(fields, dict):
        return OperationRequest(fields)
    given = [name for name in names if isinstance(fields, dict) and name in fields]
    if len(given) != 1:
        wanted = f" with a field {' or '.join(map(repr, names))}" if names else ""
        raise RequestRejected(f"the body must be a JSON object{wanted}")
    image = parse_options(ImageInput, fields.pop(given[0]), where=given[0])
    return OperationRequest(fields, _bytes_or_url(image))


def parse_json(body: bytes) -> Any:
    """Raises RequestRejected."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as cause:
        raise RequestRejected(f"the body is not JSON: {cause}") from cause


async def image_at(url: str, pool: CpuPool, fetcher: ImageFetcher) -> bytes:
    """The image behind an http(s) or data URL; raises RequestRejected, or what `ImageFetcher.fetch` raises."""
    found = await pool.run(_bytes_or_url, ImageInput(url=url))
    return await fetcher.fetch(found) if isinstance(found, str) else found


def _bytes_or_url(image: ImageInput) -> bytes | str:
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


def parse_options(kind: type[OptionsT], values: Any, *, where: str) -> OptionsT:
    """Validate `values` as `kind`; raises RequestRejected that names each wrong field."""
    try:
        return kind.model_validate(values)
    except ValidationError as cause:
        wrong = "; ".join(f"{'.'.join([where, *map(str, one['loc'])])}: {one['msg']}" for one in cause.errors())
        raise RequestRejected(wrong) from cause
