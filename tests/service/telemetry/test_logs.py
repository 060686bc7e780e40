"""Log lines carry the ids of their request, and never a secret."""

import base64
import json
import logging
import sys
from typing import Any

import pytest

from service.settings import LogFormat, Settings, TelemetrySettings
from service.telemetry.logs import FORMATTERS, JsonFormatter, SecretFilter, configure_service_logging
from service.telemetry.request_context import RequestContext, bind_request
from tests.conftest import Jpeg

CONTEXT = RequestContext("req_1", "features", "4bf92f3577b34da6a3ce929d0e0e4736", "job1")


def make_record(message: str, *arguments: object, facts: dict[str, Any] | None = None, error: bool = False) -> Any:
    info = sys.exc_info() if error else None
    log_record = logging.LogRecord("service.http.app", logging.INFO, __file__, 1, message, arguments, info)
    log_record.created = 1_767_225_600.25
    if facts is not None:
        log_record.__dict__["facts"] = facts
    return log_record


def format_json(log_record: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter(SecretFilter()).format(log_record)
    assert "\n" not in line
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_json_line_has_the_requests_ids_and_the_facts() -> None:
    with bind_request(CONTEXT):
        line = format_json(make_record("%s is done", "it", facts={"status": 200}))

    assert line == {
        "time": "2026-01-01T00:00:00.250Z", "level": "INFO", "logger": "service.http.app", "message": "it is done",
        "request_id": "req_1", "trace_id": CONTEXT.trace_id, "operation": "features", "job_id": "job1", "status": 200,
    }  # fmt: skip


def test_a_line_outside_of_requests_has_no_ids() -> None:
    assert format_json(make_record("ready")).keys() == {"time", "level", "logger", "message"}


def test_an_exception_is_logged_as_type_message_and_stack() -> None:
    try:
        raise ValueError("over\nlines \ud800")
    except ValueError:
        line = format_json(make_record("bug", error=True))

    assert line["exception"]["type"] == "ValueError"
    assert line["exception"]["message"] == "over\nlines \ud800"
    assert line["exception"]["stack"].startswith("Traceback")


def test_a_text_line_ends_with_the_request_id() -> None:
    with bind_request(CONTEXT):
        line = FORMATTERS["text"](SecretFilter()).format(make_record("done"))

    assert line.endswith("INFO    service.http.app  done  [req_1]")


HIDDEN: dict[str, tuple[str, str]] = {
    "signed URL": ("GET https://b.example/cat.jpg?X-Amz-Signature=SECRET failed", "https://b.example/cat.jpg?[hidden]"),
    "URL with a password": ("redis://user:SECRET@queue:6379/0 is gone", "redis://[hidden]@queue:6379/0"),
    "URL cut in the middle": ("input_value='https://b.example/ca...ture=SECRET'", "https://b.example/ca?[hidden]"),
    "data URL": ("input_value='data:image/png;base64,SECRET/SECRET=='", "data:image/png;base64,[hidden]"),
    "data URL in other letters": ("url='DATA:image/png; BASE64,SECRET'", "BASE64,[hidden]"),
    "data URL in lines": (f"url='data:image/png;base64,{'SECRET' * 4}\n{'SECRET' * 4}'", "base64,[hidden]"),
    "token of a key": (f"key ks_{'SECRET-' * 6}x is", "key [hidden] is"),
    "bearer token": ("sent Authorization: Bearer SECRET", "Bearer [hidden]"),
    "other authorization": ("{'authorization': 'SECRET'}", "'authorization': '[hidden]'"),
    "a setting's secret": ("it was the-api-key-SECRET-itself", "it was [hidden]-itself"),
    "base64": ("SECRET" * 40, "[hidden]"),
    "bytes": (f"{bytes(range(128, 160)) + b'SECRET' + bytes(range(128, 160))!r}", "[hidden]"),
}


@pytest.mark.parametrize("form", FORMATTERS)
@pytest.mark.parametrize("name", HIDDEN)
def test_secrets_are_hidden_in_messages_and_in_stacks(name: str, form: LogFormat) -> None:
    text, replacement = HIDDEN[name]
    formatter = FORMATTERS[form](SecretFilter(["the-api-key-SECRET"]))
    try:
        raise ValueError(text)
    except ValueError as error:
        line = formatter.format(make_record("failed: %s", error, error=True))

    assert "SECRET" not in line
    assert replacement in line


@pytest.mark.parametrize(
    "text",
    [
        "job 5d672d79c15b13162d9279b0855cfba6: done in 0.012 s, res_5d672d79c15b13162d9279b0855cfba6",
        "KernelSight listens on http://127.0.0.1:8000  (API: /docs)",
        "encoder: efficientnet-lite0, because https://example.com/models/a.onnx is not there...",
        "/home/user/.cache/kernelsight/models/efficientnet-lite0/1/model.onnx has sha256 " + "0f" * 32,
    ],
)
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert SecretFilter(["", "short"])(text) == text


def test_an_image_in_a_message_is_hidden(jpeg: Jpeg) -> None:
    data = jpeg("cat")
    encoded = base64.b64encode(data).decode()

    filtered = SecretFilter()(f"data:image/jpeg;base64,{encoded} {encoded} {data!r}")

    assert len(filtered) < len(data) // 20


def test_other_libraries_never_log_at_debug(capfd: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.root.handlers[:], logging.root.level
    try:
        configure_service_logging(Settings(telemetry=TelemetrySettings(log_level="DEBUG", log_format="json")))
        for name in ("httpcore2.http11", "python_multipart", "service.http.app"):
            logging.getLogger(name).debug("from %s", name)
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
        for name in ("models", "pipelines", "service"):
            logging.getLogger(name).setLevel(logging.NOTSET)

    assert [json.loads(line)["message"] for line in capfd.readouterr().err.splitlines()] == ["from service.http.app"]
