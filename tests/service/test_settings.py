"""Settings come from `KERNELSIGHT_…` variables and the `.env` file, whose names are a contract with operators."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import SecretStr

from pipelines.registry import SELECTABLE
from service.settings import GROUPS, QueueSettings, Settings, SettingsInvalid, TelemetrySettings, load_settings
from service.unknown_variables import OTHER_VARIABLES

ROOT = Path(__file__).parents[2]

# Every variable that may be set, with a value that is not its default. A name never changes.
VARIABLES = {
    "KERNELSIGHT_STORE": "/a/store",
    "KERNELSIGHT_CATALOG": "/a/catalog",
    "KERNELSIGHT_MODEL_MIRROR": "https://mirror.test/models",
    "KERNELSIGHT_ENCODER": "resnet50",
    "KERNELSIGHT_FACES": "mtcnn",
    "KERNELSIGHT_CLIP": "clip-rn50",
    "KERNELSIGHT_OCR_ENGINE": "ppocr",
    "KERNELSIGHT_CLIP_LABELS": "/a/labels.txt",
    "KERNELSIGHT_CATEGORIES": "/a/categories",
    "KERNELSIGHT_VERSIONS": "/a/versions",
    "KERNELSIGHT_EXPORT_PYTHON": "/a/python",
    "KERNELSIGHT_DEVICE": "cpu",
    "KERNELSIGHT_BACKEND": "openvino",
    "KERNELSIGHT_PRECISION": "bfloat16",
    "KERNELSIGHT_QUEUE_LIMIT": "7",
    "KERNELSIGHT_ENCODER_CACHE": "0",
    "KERNELSIGHT_HANG_SECONDS": "7.5",
    "KERNELSIGHT_DECODER_FORMATS": "all",
    "KERNELSIGHT_DECODER_PROCESSES": "3",
    "KERNELSIGHT_DECODER_SECONDS": "5",
    "KERNELSIGHT_DECODER_MEMORY_BYTES": "1073741824",
    "KERNELSIGHT_PDF_PROCESSES": "7",
    "KERNELSIGHT_PROBE_AFTER_SECONDS": "7.5",
    "KERNELSIGHT_POLICY": "/a/policy.yaml",
    "KERNELSIGHT_NSFW_CHAIN": "fast",
    "KERNELSIGHT_DENY_DOMAINS": "/a/deny.txt",
    "KERNELSIGHT_ALLOW_DOMAINS": "/a/allow.txt",
    "KERNELSIGHT_BLOCK_HASHES": "redis://127.0.0.1:6379/0#blocked",
    "KERNELSIGHT_ALLOW_HASHES": "/a/hashes.csv",
    "KERNELSIGHT_HASH_DISTANCE": "7",
    "KERNELSIGHT_KNOWN_DIHEDRAL": "true",
    "KERNELSIGHT_CAPTIONER_URL": "http://127.0.0.1:11434/v1",
    "KERNELSIGHT_CAPTIONER_MODEL": "moondream",
    "KERNELSIGHT_CAPTIONER_KEY": "a-key",
    "KERNELSIGHT_CAPTIONER_PROMPT": "What is it?",
    "KERNELSIGHT_CAPTIONER_SECONDS": "7.5",
    "KERNELSIGHT_STATEMENT_PRECISION": "0.97",
    "KERNELSIGHT_HOST": "0.0.0.0",
    "KERNELSIGHT_PORT": "7",
    "KERNELSIGHT_API_KEY": "a-key",
    "KERNELSIGHT_KEYS": "/a/keys.json",
    "KERNELSIGHT_OPERATE_PORT": "7",
    "KERNELSIGHT_OPERATE_HOST": "::1",
    "KERNELSIGHT_PIPELINES": "features, faces",
    "KERNELSIGHT_URL_INPUTS": "off",
    "KERNELSIGHT_ALLOWED_HOSTS": "api.example, [2001:db8::1]",
    "KERNELSIGHT_CORS_ORIGINS": "https://chat.example,http://localhost:3000",
    "KERNELSIGHT_MAX_CONNECTIONS": "100",
    "KERNELSIGHT_MAX_CONNECTIONS_PER_ADDRESS": "50",
    "KERNELSIGHT_HEADER_SECONDS": "5",
    "KERNELSIGHT_BODY_SECONDS": "60",
    "KERNELSIGHT_MIN_BYTES_PER_SECOND": "1000",
    "KERNELSIGHT_KEEP_ALIVE_SECONDS": "15",
    "KERNELSIGHT_MAX_HEADER_BYTES": "16384",
    "KERNELSIGHT_MAX_URL_BYTES": "2048",
    "KERNELSIGHT_MAX_IMAGE_BYTES": "7",
    "KERNELSIGHT_MAX_IMAGE_PIXELS": "7",
    "KERNELSIGHT_MAX_HEADER_PIXELS": "7",
    "KERNELSIGHT_MAX_IMAGE_FRAMES": "7",
    "KERNELSIGHT_MAX_MODERATED_FRAMES": "8",
    "KERNELSIGHT_MAX_SURVEYED_PIXELS": "8",
    "KERNELSIGHT_SURVEY_SECONDS": "8.5",
    "KERNELSIGHT_PIXEL_MEMORY_BYTES": "7000000",
    "KERNELSIGHT_PIXEL_WAIT_SECONDS": "7.5",
    "KERNELSIGHT_MAX_DOCUMENT_BYTES": "7",
    "KERNELSIGHT_MAX_DOCUMENT_PAGES": "7",
    "KERNELSIGHT_MAX_PAGE_PIXELS": "7",
    "KERNELSIGHT_TEXT_LINES": "7",
    "KERNELSIGHT_TEXT_SECONDS": "7.5",
    "KERNELSIGHT_TEXT_PAGE_LINES": "7",
    "KERNELSIGHT_TEXT_PAGE_SECONDS": "7.5",
    "KERNELSIGHT_TEXT_PAGES": "7",
    "KERNELSIGHT_MAX_TRAINING_BYTES": "7",
    "KERNELSIGHT_MAX_JSON_VALUES": "107",
    "KERNELSIGHT_MAX_JSON_DEPTH": "7",
    "KERNELSIGHT_MAX_INPUTS": "7",
    "KERNELSIGHT_MAX_TEXT_CHARS": "7",
    "KERNELSIGHT_MAX_FIELDS": "7",
    "KERNELSIGHT_MAX_FIELD_BYTES": "7",
    "KERNELSIGHT_MAX_WAIT_SECONDS": "0.5",
    "KERNELSIGHT_REQUEST_SECONDS": "7.5",
    "KERNELSIGHT_DOCUMENT_SECONDS": "7.5",
    "KERNELSIGHT_PAGE_SECONDS": "7.5",
    "KERNELSIGHT_TRAINING_SECONDS": "7.5",
    "KERNELSIGHT_DRAIN_SECONDS": "7.5",
    "KERNELSIGHT_REDIS_URL": "redis://127.0.0.1:6379/0",
    "KERNELSIGHT_QUEUE_DATA": "/a/queue",
    "KERNELSIGHT_QUEUE_MEMORY_BYTES": "70000000",
    "KERNELSIGHT_QUEUE_DEPTH": "7",
    "KERNELSIGHT_PAYLOAD_BYTES": "7000000",
    "KERNELSIGHT_RESULT_BYTES": "7000000",
    "KERNELSIGHT_LEASE_SECONDS": "7.5",
    "KERNELSIGHT_JOB_ATTEMPTS": "7",
    "KERNELSIGHT_JOB_KEEP_SECONDS": "7.5",
    "KERNELSIGHT_PAYLOAD_SECONDS": "7.5",
    "KERNELSIGHT_DEAD_LETTER_SECONDS": "7.5",
    "KERNELSIGHT_JOB_SECONDS": "7.5",
    "KERNELSIGHT_WORKER_HERE": "false",
    "KERNELSIGHT_WORKER_CONCURRENCY": "7",
    "KERNELSIGHT_FILES": "s3://bucket/files",
    "KERNELSIGHT_FILE_KEEP_SECONDS": "77.5",
    "KERNELSIGHT_MAX_BATCH_BYTES": "7",
    "KERNELSIGHT_FILES_BYTES": "7",
    "KERNELSIGHT_WEBHOOK_SECRET": "whsec_c2VjcmV0",
    "KERNELSIGHT_WEBHOOK_URLS": "any",
    "KERNELSIGHT_AUDIT": "off",
    "KERNELSIGHT_AUDIT_DAYS": "7",
    "KERNELSIGHT_AUDIT_BYTES": "7000000",
    "KERNELSIGHT_AUDIT_RECORDS": "7000",
    "KERNELSIGHT_FEEDBACK_WINDOW": "7",
    "KERNELSIGHT_CANARIES": "/a/canaries",
    "KERNELSIGHT_CANARY_SECONDS": "0",
    "KERNELSIGHT_CANARY_ANSWERS": "/a/answers",
    "KERNELSIGHT_SHADOW": "efficientnet-lite0=/a/model.onnx",
    "KERNELSIGHT_SHADOW_SHARE": "0.5",
    "KERNELSIGHT_REFERENCES": "/a/references",
    "KERNELSIGHT_REFERENCE_AUTO": "false",
    "KERNELSIGHT_REFERENCE_OBSERVATIONS": "700",
    "KERNELSIGHT_QUALITY_RATE": "7.5",
    "KERNELSIGHT_DRIFT_WINDOW": "700",
    "KERNELSIGHT_KERNEL_CHECK_SECONDS": "0",
    "KERNELSIGHT_LOG_FORMAT": "json",
    "KERNELSIGHT_LOG_LEVEL": "DEBUG",
    "KERNELSIGHT_OTEL_ENDPOINT": "http://127.0.0.1:4318",
    "KERNELSIGHT_TRACE_RATIO": "0.5",
}

SERVICE_LINKS = {
    "KERNELSIGHT_SERVICE_HOST": "10.0.0.11",
    "KERNELSIGHT_SERVICE_PORT": "8000",
    "KERNELSIGHT_SERVICE_PORT_HTTP": "8000",
    "KERNELSIGHT_PORT_8000_TCP": "tcp://10.0.0.11:8000",
    "KERNELSIGHT_PORT_8000_TCP_PROTO": "tcp",
    "KERNELSIGHT_PORT_8000_TCP_PORT": "8000",
    "KERNELSIGHT_PORT_8000_TCP_ADDR": "10.0.0.11",
    "KERNELSIGHT_API_SERVICE_HOST": "10.0.0.11",
    "KERNELSIGHT_API_SERVICE_PORT": "8000",
    "KERNELSIGHT_API_PORT": "tcp://10.0.0.11:8000",
    "KERNELSIGHT_API_PORT_8000_TCP_ADDR": "10.0.0.11",
}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The test's own environment, and a folder without an `.env` file."""
    for name in (*VARIABLES, "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_field_name_belongs_to_one_group() -> None:
    count = Counter(field for group in GROUPS.values() for field in group.model_fields)

    assert [name for name, groups in count.items() if groups > 1] == []


def test_the_variables_are_the_contract() -> None:
    assert {f"KERNELSIGHT_{name.upper()}" for group in GROUPS.values() for name in group.model_fields} == set(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_each_variable_sets_its_field(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, VARIABLES[name])

    assert differing(load_settings()) == [name]


@pytest.mark.parametrize("name", VARIABLES)
def test_each_variable_may_stand_in_the_env_file(name: str) -> None:
    Path(".env").write_text(f"{name}={VARIABLES[name]}\n")

    assert differing(load_settings()) == [name]


def differing(settings: Settings) -> list[str]:
    """The variables of the fields that have another value than their default."""
    return [
        f"KERNELSIGHT_{field.upper()}"
        for name, group in GROUPS.items()
        for field, info in group.model_fields.items()
        if getattr(getattr(settings, name), field) != info.get_default(call_default_factory=True)
    ]


def test_values_are_read_as_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()

    assert settings.models.store == Path("/a/store")
    assert settings.server.api_key == SecretStr("a-key")
    assert settings.server.pipelines == ("features", "faces")
    assert settings.queue.lease_seconds == 7.5
    assert settings.worker.worker_here is False


def test_the_environment_goes_before_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("KERNELSIGHT_QUEUE_DEPTH=5\nKERNELSIGHT_JOB_ATTEMPTS=5\n")
    monkeypatch.setenv("KERNELSIGHT_QUEUE_DEPTH", "7")
    queue = load_settings().queue

    assert queue.queue_depth == 7
    assert queue.job_attempts == 5


def test_a_group_given_in_code_reads_its_other_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSIGHT_QUEUE_DEPTH", "7")
    queue = Settings(queue=QueueSettings(lease_seconds=1)).queue

    assert queue.lease_seconds == 1
    assert queue.queue_depth == 7


def test_opentelemetrys_own_variable_is_read_for_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.test:4318")

    assert TelemetrySettings().otel_endpoint == "http://collector.test:4318"

    monkeypatch.setenv("KERNELSIGHT_OTEL_ENDPOINT", "http://ours.test:4318")

    assert TelemetrySettings().otel_endpoint == "http://ours.test:4318"


def test_every_wrong_variable_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSIGHT_MAX_IMAGE_BYTES", "0")
    monkeypatch.setenv("KERNELSIGHT_LEASE_SECONDS", "soon")
    monkeypatch.setenv("KERNELSIGHT_FOLDER", "/a/folder")

    assert error_of_loading() == (
        "KERNELSIGHT_MAX_IMAGE_BYTES: Input should be greater than or equal to 1; "
        "KERNELSIGHT_LEASE_SECONDS: Input should be a valid number, unable to parse string as a number; "
        "KERNELSIGHT_FOLDER is no setting"
    )


def test_a_pipeline_that_is_none_is_named_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSIGHT_PIPELINES", "features,avatar")

    assert error_of_loading() == (
        "KERNELSIGHT_PIPELINES.1: Input should be 'moderation', 'features', 'objects', 'faces', 'text' or 'document'"
    )


def test_the_pipelines_that_may_be_named_are_the_selectable_ones() -> None:
    (names, *_) = get_args(GROUPS["server"].model_fields["pipelines"].annotation)

    assert get_args(names) == SELECTABLE


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("KERNELSIGHT_QUEUE_DETPH", "KERNELSIGHT_QUEUE_DEPTH"),
        ("KERNELSIGHT_APIKEY", "KERNELSIGHT_API_KEY"),
        ("KERNELSIGHT_MAX_IMAGE_BYTE", "KERNELSIGHT_MAX_IMAGE_BYTES"),
        ("KERNELSIGHT_AUDIT_DAY", "KERNELSIGHT_AUDIT_DAYS"),
    ],
)
@pytest.mark.parametrize("source", ["environment", ".env"])
def test_a_misspelt_variable_is_an_error_with_the_nearest_name(
    source: str, variable: str, nearest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == ".env":
        Path(".env").write_text(f"{variable}=7\n")
    else:
        monkeypatch.setenv(variable, "7")

    assert error_of_loading() == f"{variable} is no setting; did you mean {nearest}?"


@pytest.mark.parametrize("name", SERVICE_LINKS)
def test_service_links_of_kubernetes_are_no_misspelt_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SERVICE_LINKS[name])

    assert differing(load_settings()) == []


def test_the_address_that_kubernetes_puts_into_the_port_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSIGHT_PORT", "tcp://10.0.0.11:8000")

    assert load_settings().server.port == 8000


def test_a_port_that_ends_a_misspelt_name_is_no_service_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERNELSIGHT_HTTP_PORT", "8000")

    assert "KERNELSIGHT_HTTP_PORT is no setting" in error_of_loading()


@pytest.mark.parametrize("name", OTHER_VARIABLES)
def test_our_variables_for_other_things_are_allowed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "7")

    assert differing(load_settings()) == []


def test_what_the_compose_file_takes_from_env_is_allowed_there() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    names = {port.removeprefix("${").partition(":")[0] for port in ports if port.startswith("${KERNELSIGHT_")}

    assert names == {"KERNELSIGHT_PUBLISH", "KERNELSIGHT_GRAFANA"}
    assert names <= set(OTHER_VARIABLES)


@pytest.mark.parametrize("group", GROUPS)
def test_the_documentation_lists_every_variable_with_its_default(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    text = (ROOT / "docs" / "settings.md").read_text()
    section = text.partition(f"## {group.capitalize()}\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? \|", section, re.MULTILINE)

    assert documented == [
        (f"KERNELSIGHT_{name.upper()}", as_documented(info.get_default(call_default_factory=True)))
        for name, info in GROUPS[group].model_fields.items()
    ]


def as_documented(default: object) -> str:
    if default is None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return ",".join(default) or "none"
    if isinstance(default, float):
        return f"{default:.12g}"
    return str(default).replace(str(Path.home()), "~")


def test_variables_with_another_prefix_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OTHER_QUEUE_DETPH=7\n")
    monkeypatch.setenv("KERNEL_QUEUE_DETPH", "7")

    assert differing(load_settings()) == []


def test_settings_are_read_without_the_heavy_libraries() -> None:
    code = "import service.settings, sys; print({'cv2', 'onnxruntime', 'fastapi', 'redis'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def error_of_loading() -> str:
    with pytest.raises(SettingsInvalid) as error:
        load_settings()
    return str(error.value)
