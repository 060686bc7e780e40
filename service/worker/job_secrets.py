"""Hides what a job's record knows and nobody is to read there: passwords, and tokens in URLs."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

HIDDEN = "[hidden]"
_SECRET_FIELDS = frozenset({"password"})  # of documents


def hide_secrets(work: Mapping[str, Any]) -> dict[str, Any]:
    """The record with HIDDEN for passwords, and of every URL only scheme and host: paths and queries have tokens.

    Options inside JSON text, as forms have them, count as well.
    """
    return {name: HIDDEN if name in _SECRET_FIELDS and value else _hide(value) for name, value in work.items()}


def _hide(value: Any) -> Any:
    if isinstance(value, Mapping):
        return hide_secrets(value)
    if isinstance(value, list):
        return [_hide(one) for one in value]
    return _hide_in_text(value) if isinstance(value, str) else value


def _hide_in_text(text: str) -> Any:
    if text.lstrip().startswith(("{", "[")):
        try:
            return _hide(orjson.loads(text))
        except orjson.JSONDecodeError:
            return text
        except RecursionError:
            return HIDDEN
    if not text.lower().startswith(("http://", "https://")):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}"
