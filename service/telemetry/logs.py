"""Log lines on stderr, as text or as JSON, each with the request that it is about, and none with a secret."""

import json
import logging
import re
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from service.settings import LogFormat, LogLevel, Settings
from service.telemetry.log_output import NonBlockingStreamHandler
from service.telemetry.request_context import RequestContext, current_request

OUR_LOGGERS = ("models", "pipelines", "service")

_SHORTEST = 6  # characters of a secret that is looked for: a shorter one is part of too many words
_HIDDEN = "[hidden]"
_QUERY = re.compile(r"[?#&…]|\.\.\.")  # where one begins; also where somebody cut the middle of the URL out


def _without_query(url: re.Match[str]) -> str:
    cut = _QUERY.search(url[0])
    return url[0] if cut is None or cut.end() == len(url[0]) else f"{url[0][: cut.start()]}?{_HIDDEN}"


# What may hold a secret wherever it comes from: a text that it has in it, how it is found, what is left of it.
_PATTERNS: list[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    ("data:", re.compile(r"(data:[\w.+/-]{0,100};base64,)[A-Za-z0-9+/=_-]*"), rf"\1{_HIDDEN}"),
    ("://", re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@\"'<>]*@", re.IGNORECASE), rf"\1{_HIDDEN}@"),
    ("://", re.compile(r"\bhttps?://[^\s\"'<>]+", re.IGNORECASE), _without_query),
    ("bearer", re.compile(r"(\bbearer\s+)[^\s\"',]+", re.IGNORECASE), rf"\1{_HIDDEN}"),
    (
        "authorization",
        re.compile(r"(\bauthorization\W{1,4})(?!bearer\b)[^\s\"',]+", re.IGNORECASE),
        rf"\1{_HIDDEN}",
    ),
    ("", re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}"), _HIDDEN),  # base64
    ("\\x", re.compile(r"(?:\\(?:x[0-9a-f]{2}|[nrt'\"\\])[^\\\s]{0,8}){8,}"), _HIDDEN),  # bytes as Python writes them
]


def configure_logging(level: LogLevel) -> None:
    """For a command."""
    _install(level, logging.StreamHandler(), TextFormatter(SecretFilter()))


def configure_service_logging(settings: Settings) -> None:
    """As the operator wants them, and without any of the settings' secrets."""
    scrub = SecretFilter(value.get_secret_value() for _, value in settings if isinstance(value, SecretStr))
    _install(settings.log_level, NonBlockingStreamHandler(), FORMATTERS[settings.log_format](scrub))


def _install(level: LogLevel, handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    # Of other people's libraries never the finest: HTTP clients log headers there, parsers of forms what is in them.
    logging.basicConfig(level="INFO" if level == "DEBUG" else level, handlers=[handler], force=True)
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level)
    # Pillow warns of damaged metadata, in the uploader's own words: that is no news, and no text for a log.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # a collector that is away is tried again every second


class SecretFilter:
    """Takes out of a text what no log may have: secrets, images, signed URLs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = [secret for secret in secrets if len(secret) >= _SHORTEST]

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        lower = text.lower()  # most lines have none of it, and patterns take their time to find that out
        for part, pattern, left in _PATTERNS:
            if part in lower:
                text = pattern.sub(left, text)
        return text


class TextFormatter(logging.Formatter):
    def __init__(self, scrub: SecretFilter) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s  %(message)s")
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        return self._scrub(super().format(record))


class RequestTextFormatter(TextFormatter):
    """Each with the id of its request."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        context = current_request()
        line = super().formatMessage(record)
        return line if context is None else f"{line}  [{context.request_id}]"


class JsonFormatter(logging.Formatter):
    """One object a line. `facts`, given as `extra`, are fields of their own beside the message."""

    def __init__(self, scrub: SecretFilter) -> None:
        super().__init__()
        self._scrub = scrub

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "message": self._scrub(record.getMessage()),
            **_of(current_request()),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, _ = record.exc_info
            line["exception"] = {
                "type": kind.__qualname__,
                "message": self._scrub(str(error)),
                "stack": self._scrub(self.formatException(record.exc_info)),
            }
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)


FORMATTERS: dict[LogFormat, Callable[[SecretFilter], logging.Formatter]] = {"text": RequestTextFormatter, "json": JsonFormatter}


def result_facts(context: RequestContext) -> dict[str, Any]:
    """Facts of a line: `result_id`, or `result_ids` where there are several."""
    ids = context.result_ids
    return {} if not ids else {"result_id": ids[0]} if len(ids) == 1 else {"result_ids": ids}


def _of(context: RequestContext | None) -> dict[str, str | None]:
    if context is None:
        return {}
    return {name: getattr(context, name) for name in ("request_id", "trace_id", "operation", "job_id")}
