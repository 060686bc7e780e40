"""Every setting, from `KERNELSIGHT_…` in the environment or an `.env` file: the only place that reads either."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from models.errors import KernelSightError
from pipelines.moderation.hashes.lists import MAX_DISTANCE

UrlInputs = Literal["off", "public", "any"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Served = Literal["moderation", "features", "faces", "document"]


class SettingsInvalid(KernelSightError):
    code = "settings-invalid"


def _default_store() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "kernelsight" / "models"


def _data(name: str) -> Path:
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "kernelsight" / name


class Settings(BaseSettings):
    """Defaults suit one machine. Sizes are in the unit that the name says."""

    model_config = SettingsConfigDict(
        env_prefix="KERNELSIGHT_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    store: Path = Field(default_factory=_default_store)  # where model files live
    catalog: Path | None = None  # a folder of further manifests; they override the built-in ones
    categories: Path = Field(default_factory=lambda: _data("categories"))  # where custom categories live
    model_mirror: str | None = None  # folder or URL asked for every model file before its own sources
    pipelines: Annotated[tuple[Served, ...], NoDecode] = get_args(Served)  # models of the others are not loaded
    encoder: str | None = None  # model id of the captioning encoder; None takes the task's first choice
    faces: str | None = None  # yunet or mtcnn; None takes the first whose models are in the store
    policy: Path | None = None  # the moderation policy; None takes the one that ships with KernelSight
    deny_domains: Path | None = None  # a domain a line: links to these in QR codes are "denied"
    allow_domains: Path | None = None  # links to others than these are "unlisted"
    nsfw_chain: Literal["exact", "fast"] = "exact"  # fast decodes large JPEGs at a smaller scale for OpenNSFW
    block_hashes: str | None = None  # hashes of known bad images: a file, a folder, or redis://HOST/DB#KEY
    allow_hashes: str | None = None  # the same of images that are known to be fine
    hash_distance: int = Field(default=31, ge=0, le=MAX_DISTANCE)  # bits in which a copy's hash may differ
    known_dihedral: bool = False  # find turned and mirrored copies as well
    device: Literal["auto", "cpu", "cuda"] = "auto"
    export_python: Path = Path(".venv-export/bin/python")  # interpreter with the export extra, for `models export`

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    # Bearer token; needed to bind to anything but loopback.
    api_key: SecretStr | None = Field(default=None, min_length=1)

    max_image_bytes: int = Field(default=20 * 2**20, ge=1)
    max_image_pixels: int = Field(default=64_000_000, ge=1)
    max_image_frames: int = Field(default=1_000, ge=1)
    max_document_bytes: int = Field(default=64 * 2**20, ge=1)  # of a PDF
    max_document_pages: int = Field(default=200, ge=1)  # that one request may ask for
    max_page_pixels: int = Field(default=25_000_000, ge=1)  # a PDF page that would have more is drawn smaller

    # Images by http(s) URL: public means hosts of the public internet on ports 80 and 443; any is for closed networks.
    url_inputs: UrlInputs = "public"
    max_training_bytes: int = Field(default=256 * 2**20, ge=1)  # of a request that trains a category
    training_seconds: float = Field(default=300.0, gt=0)  # a training, upload included, not done by then gets 504

    queue_limit: int = Field(default=256, ge=1)  # requests that may wait per model and priority, then 429
    encoder_cache: int = Field(default=64, ge=0)  # images whose pass is kept, 0.25 MB each; 0: none
    request_seconds: float = Field(default=30.0, gt=0)  # a request not done by then gets 504
    document_seconds: float = Field(default=600.0, gt=0)  # the same for /v1/documents and /v1/analyze
    page_seconds: float = Field(default=60.0, gt=0)  # a page not done by then is reported without the others failing
    hang_seconds: float = Field(default=60.0, gt=0)  # a session that runs longer on one batch is replaced
    probe_after_seconds: float = Field(default=10.0, gt=0)  # health runs a real inference after this much silence

    kernel_check_seconds: float = Field(default=600.0, ge=0)  # between looks at the models' kernels; 0: only if asked

    redis_url: SecretStr | None = None  # where the queue is; None starts a Valkey on this machine
    queue_data: Path = Field(default_factory=lambda: _data("queue"))  # of that Valkey
    queue_depth: int = Field(default=10_000, ge=1)  # jobs that may wait per priority, then 429
    lease_seconds: float = Field(default=30.0, ge=1)  # a worker silent for so long loses its jobs to others
    job_attempts: int = Field(default=3, ge=1)  # that fail or kill their worker; then the job is a dead letter
    job_keep_seconds: float = Field(default=86_400.0, ge=1)  # how long a job's status and result are kept
    payload_seconds: float = Field(default=14 * 86_400.0, ge=1)  # how long an image waits for its job, at the longest
    dead_letter_seconds: float = Field(default=7 * 86_400.0, ge=1)  # how long a dead letter is kept

    job_seconds: float = Field(default=600.0, gt=0)  # an attempt at a job, or a line of a batch, not done by then
    worker_here: bool = True  # whether `serve` works off jobs as well; else it leaves them to `kernelsight worker`
    worker_concurrency: int = Field(default=8, ge=1)  # jobs that one worker has in flight

    files: str = Field(default_factory=lambda: str(_data("files")))  # of batches: a folder, or a URL that fsspec knows
    file_keep_seconds: float = Field(default=30 * 86_400.0, ge=60)  # how long files and batches are kept
    max_batch_bytes: int = Field(default=200 * 2**20, ge=1)  # of a file of requests

    audit: str = Field(default_factory=lambda: str(_data("audit")))  # of results: a folder, redis (the queue's), or off
    audit_days: int = Field(default=30, ge=1)  # how long records and feedback are kept
    audit_records: int = Field(default=100_000, ge=1000)  # that redis keeps at most: about half a gigabyte
    feedback_window: int = Field(default=1_000, ge=1)  # judgements per pipeline that precision and recall are over

    webhook_secret: SecretStr | None = None  # whsec_ and base64: signs callbacks; None switches them off
    webhook_urls: UrlInputs = "public"  # where callbacks may go, as url_inputs

    canaries: Path | None = None  # a folder of golden sets, a folder each, beside the one that is built in
    canary_seconds: float = Field(default=600.0, ge=0)  # how often they are run; 0: never by themselves
    canary_answers: Path = Field(default_factory=lambda: _data("canaries"))  # what they answered last: tells flips

    shadow: str | None = None  # a second version of a model to compare: a manifest, or ID=PATH of an ONNX graph
    versions: Path = Field(default_factory=lambda: _data("versions"))  # such versions, and which were promoted
    shadow_share: float = Field(default=0.05, ge=0, le=1)  # of that model's inferences

    references: Path = Field(default_factory=lambda: _data("references"))  # what drift is measured against
    reference_auto: bool = True  # where there is no reference, the first answers become it
    reference_observations: int = Field(default=1_000, ge=500)  # that make one
    quality_rate: float = Field(default=25.0, gt=0)  # of the encoder's answers, so many a second are measured at most
    drift_window: int = Field(default=500, ge=200)  # observations that are compared with the reference

    drain_seconds: float = Field(default=10.0, ge=0)  # how long shutdown waits for what is in flight

    log_format: LogFormat = "text"  # of `serve` and `worker`; json is one object a line
    log_level: LogLevel = "INFO"
    # Base URL of an OpenTelemetry collector's OTLP over HTTP; None sends no traces. The SDK reads other OTEL_… itself.
    otel_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("KERNELSIGHT_OTEL_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    )
    trace_ratio: float = Field(default=0.1, ge=0, le=1)  # share of the traces begun here that is recorded

    @field_validator("pipelines", mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        """As everywhere: "features,faces"."""
        return [name.strip() for name in given.split(",")] if isinstance(given, str) else given


def load_settings() -> Settings:
    """Raises SettingsInvalid, which names every variable that is wrong."""
    try:
        return Settings()
    except ValidationError as cause:
        wrong = "; ".join(
            f"KERNELSIGHT_{'.'.join(map(str, error['loc'])).upper()}: {error['msg']}" for error in cause.errors()
        )
        raise SettingsInvalid(wrong) from cause
