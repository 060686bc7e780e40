"""Log lines on stderr as text or JSON, each with the request that it belongs to, and with secrets removed."""

import json
import logging
import warnings
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelines.linear_patterns import compile_bytes
from service.telemetry.log_output import NonBlockingStreamHandler
from service.telemetry.request_context import RequestContext, current_request

if TYPE_CHECKING:  # pydantic takes long to load, and the command line logs before it needs settings
    from service.settings import LogFormat, LogLevel, Settings

OUR_LOGGERS = ("models", "pipelines", "service")

_MIN_SECRET_LENGTH = 6  # a shorter secret is part of too many words to be searched for
_HIDDEN = "[hidden]"
# Where a query begins, also in a URL that was shortened in the middle, by three dots or the sign for them.
_QUERY = compile_bytes(rb"[?#&]|\xe2\x80\xa6|\.\.\.")


def _without_query(url: Any) -> bytes:
    cut = _QUERY.search(url[0])
    whole: bytes = url[0]
    return whole if cut is None or cut.end() == len(whole) else whole[: cut.start()] + f"?{_HIDDEN}".encode()


def _without_authorization(header: Any) -> bytes:
    """Bearer tokens are another pattern's."""
    whole: bytes = header[0]
    return whole if header[2].lower() == b"bearer" else header[1] + _HIDDEN.encode()


_BASE64_LENGTH = 200
_BASE64 = compile_bytes(rb"[A-Za-z0-9+/_-]{%d,}={0,2}" % _BASE64_LENGTH)

# As forgiving as their reader: service/operations/data_urls.py.
_DATA_URL = compile_bytes(rb"(?i)(data:[\w.+/;= -]{0,100}base64 ?,)(?:\s*[a-z0-9+/=_%-]{16,})*[a-z0-9+/=_%-]*")

# Texts that may hold a secret, wherever they come from: a substring of all of them, the pattern, and the replacement,
# all in UTF-8, because a `str` may have surrogates, and patterns on bytes are compiled in a fraction of the time.
_PATTERNS: list[tuple[str, Any, bytes | Callable[[Any], bytes]]] = [
    ("data:", _DATA_URL, rb"\1" + _HIDDEN.encode()),
    ("://", compile_bytes(rb"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@\"'<>]*@"), rb"\1" + _HIDDEN.encode() + b"@"),
    ("://", compile_bytes(rb"(?i)\bhttps?://[^\s\"'<>]+"), _without_query),
    ("bearer", compile_bytes(rb"(?i)(\bbearer\s+)[^\s\"',]+"), rb"\1" + _HIDDEN.encode()),
    ("ks_", compile_bytes(rb"\bks_[A-Za-z0-9_-]{43}"), _HIDDEN.encode()),  # tokens of API keys
    ("authorization", compile_bytes(rb"(?i)(\bauthorization\W{1,4})([^\s\"',]+)"), _without_authorization),
    # Bytes as Python writes them.
    ("\\x", compile_bytes(rb"(?:\\(?:x[0-9a-f]{2}|[nrt'\"\\])[^\\\s]{0,8}){8,}"), _HIDDEN.encode()),
]


def configure_logging(level: "LogLevel") -> None:
    """For a command other than `serve` and `worker`."""
    _install(level, logging.StreamHandler(), TextFormatter(SecretFilter()))


def configure_service_logging(settings: "Settings") -> None:
    """For a service: in the configured format and level, with every secret of the settings hidden."""
    from pydantic import SecretStr

    values = (value for _, group in settings for _, value in group)
    hide_secrets = SecretFilter(value.get_secret_value() for value in values if isinstance(value, SecretStr))
    _install(
        settings.telemetry.log_level,
        NonBlockingStreamHandler(),
        FORMATTERS[settings.telemetry.log_format](hide_secrets),
    )


def _install(level: "LogLevel", handler: logging.Handler, formatter: logging.Formatter) -> None:
    handler.setFormatter(formatter)
    # Libraries never log at DEBUG: HTTP clients log headers there, and form parsers log contents.
    logging.basicConfig(level="INFO" if level == "DEBUG" else level, handlers=[handler], force=True)
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level)
    # Pillow warns of damaged metadata and quotes it: an upload's contents must not reach the log.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # it retries an unreachable collector every second


class SecretFilter:
    """Replaces in a text what no log may hold: secrets, images, signed URLs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = [secret for secret in secrets if len(secret) >= _MIN_SECRET_LENGTH]

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        lower = text.lower()  # most lines match nothing, and a substring search finds that out faster
        line = text.encode(errors="surrogatepass")
        for substring, pattern, replacement in _PATTERNS:
            if substring in lower:
                line = pattern.sub(replacement, line)
        if len(line) >= _BASE64_LENGTH:
            line = _BASE64.sub(_HIDDEN.encode(), line)
        return line.decode(errors="surrogatepass")


class TextFormatter(logging.Formatter):
    def __init__(self, hide_secrets: SecretFilter) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s  %(message)s")
        self._hide_secrets = hide_secrets

    def format(self, record: logging.LogRecord) -> str:
        return self._hide_secrets(super().format(record))


class RequestTextFormatter(TextFormatter):
    """Text lines that end with the id of their request."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        context = current_request()
        line = super().formatMessage(record)
        return line if context is None else f"{line}  [{context.request_id}]"


class JsonFormatter(logging.Formatter):
    """One object a line. `facts`, given as `extra`, are fields of their own beside the message."""

    def __init__(self, hide_secrets: SecretFilter) -> None:
        super().__init__()
        self._hide_secrets = hide_secrets

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "message": self._hide_secrets(record.getMessage()),
            **_request_fields(current_request()),
            **getattr(record, "facts", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            kind, error, _ = record.exc_info
            line["exception"] = {
                "type": kind.__qualname__,
                "message": self._hide_secrets(str(error)),
                "stack": self._hide_secrets(self.formatException(record.exc_info)),
            }
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)


FORMATTERS: "dict[LogFormat, Callable[[SecretFilter], logging.Formatter]]" = {
    "text": RequestTextFormatter,
    "json": JsonFormatter,
}


def _request_fields(context: RequestContext | None) -> dict[str, str | None]:
    if context is None:
        return {}
    return {name: getattr(context, name) for name in ("request_id", "trace_id", "operation", "job_id")}
