"""Reads data URLs and base64 as browsers do, which accept more than the strict form.

Sources: "forgiving-base64 decode" of the WHATWG Infra standard, and the `data:` URL processor of its Fetch standard.
Beyond those, the alphabet for URLs (RFC 4648, 5) is accepted, and `base64` in front of other parameters.
"""

import binascii
from base64 import b64decode
from urllib.parse import unquote_to_bytes

from pipelines.errors import RequestRejected

_WHITESPACE = b" \t\n\r\f"
_PART_BYTES = 65_536
_FROM_URL_ALPHABET = bytes.maketrans(b"-_", b"+/")


def is_data_url(text: str) -> bool:
    return text[:64].lstrip().lower().startswith("data:")


def decode_data_url(url: str) -> bytes:
    """Base64, or bytes that are percent-encoded; a fragment is left out. Raises RequestRejected."""
    head, comma, content = url.partition("#")[0].partition(",")
    if comma and any(one.strip().lower() == "base64" for one in head.split(";")[1:]):
        return decode_base64(content)
    if "%" not in content:  # no image can be written without
        raise RequestRejected("image: a data URL must have the form data:image/…;base64,…")
    return _unquote(content.encode("utf-8", "replace"))


def decode_base64(text: str) -> bytes:
    """With or without line breaks and padding; raises RequestRejected."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return _decode_leniently(text)


def _unquote(text: bytes) -> bytes:
    """Part by part: the library keeps an object for each escape, forty times the memory of a text of them."""
    parts, at = list[bytes](), 0
    while at < len(text):
        end = at + _PART_BYTES
        escape = text.rfind(b"%", end - 2, end)
        end = escape if escape > at else end
        parts.append(unquote_to_bytes(text[at:end]))
        at = end
    return b"".join(parts)


def _decode_leniently(text: str) -> bytes:
    try:
        plain = text.encode("ascii")
        plain = _unquote(plain) if b"%" in plain else plain
        digits = plain.translate(_FROM_URL_ALPHABET, delete=_WHITESPACE)
        digits = digits.removesuffix(b"=").removesuffix(b"=")
        return b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except UnicodeEncodeError as cause:
        raise RequestRejected("image: not base64: it has characters beyond ASCII") from cause
    except binascii.Error as cause:
        raise RequestRejected(f"image: not base64: {cause}") from cause
