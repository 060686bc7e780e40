"""Maps domain errors to RFC 9457 problem+json; nothing else gives a KernelSight error its HTTP status.

`type` is `urn:kernelsight:problem:<code>` and never changes; docs/errors.md lists the codes.
"""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from models import errors as model_errors
from models.errors import KernelSightError, Overloaded
from pipelines import errors as pipeline_errors
from pipelines.documents import errors as document_errors
from pipelines.moderation import errors as moderation_errors
from service import errors as service_errors
from service.keys import errors as key_errors
from service.monitoring import errors as monitoring_errors
from service.operations.openai_moderation import openai_error
from service.queue import errors as queue_errors
from service.telemetry.request_context import current_request

log = logging.getLogger(__name__)

T = TypeVar("T")

TYPE_PREFIX = "urn:kernelsight:problem:"

OPENAI_ROUTES = ("/v1/moderations", "/v1/embeddings", "/v1/files", "/v1/batches")


# In each table the nearest class on an error's MRO decides. An error that is missing here is the service's fault: 500.
_STATUS_AND_TITLE: dict[type[KernelSightError], tuple[int, str]] = {
    pipeline_errors.ImageEmpty: (400, "The image is empty"),
    pipeline_errors.ImageUnsupported: (415, "The image format is not supported"),
    pipeline_errors.ImageTruncated: (422, "The image file is truncated"),
    pipeline_errors.ImageCorrupt: (422, "The image file is damaged"),
    pipeline_errors.ImageDecoderFailed: (422, "The image file ends its decoder"),
    pipeline_errors.ImageTooLarge: (413, "The image is too large"),
    document_errors.DocumentLocked: (422, "The document is locked"),
    document_errors.DocumentCorrupt: (422, "The document is damaged"),
    document_errors.TooManyPages: (413, "The document has too many pages"),
    document_errors.PageFailed: (422, "The page cannot be read"),
    pipeline_errors.RequestRejected: (422, "The request is not valid"),
    pipeline_errors.PipelineUnavailable: (503, "The pipeline is not available"),
    pipeline_errors.NoSuitableFace: (422, "No face is suitable for an avatar"),
    moderation_errors.CategoryNameInvalid: (422, "The category name is not valid"),
    moderation_errors.CategoryUnknown: (404, "The category does not exist"),
    moderation_errors.CategoryExists: (409, "The category already exists"),
    moderation_errors.CategoryBroken: (503, "The category's file is damaged"),
    moderation_errors.CategoriesNotWritable: (503, "Categories cannot be stored here"),
    moderation_errors.HeadMismatch: (409, "The category was trained on another encoder"),
    moderation_errors.TrainingRejected: (422, "A category cannot be trained from these images"),
    model_errors.ModelUnknown: (404, "The model does not exist"),
    model_errors.ExplanationUnavailable: (501, "This model's results cannot be explained exactly"),
    monitoring_errors.CandidateUnknown: (409, "The model has no such shadow version"),
    model_errors.SourceFailed: (503, "The model store is not available"),
    model_errors.KernelsUnavailable: (501, "This model's kernels cannot be shown"),
    model_errors.LayerUnknown: (404, "The layer does not exist"),
    model_errors.ModelMissing: (503, "A model is not available"),
    model_errors.Overloaded: (429, "The service is overloaded"),
    model_errors.DeadlineExceeded: (504, "The deadline was exceeded"),
    queue_errors.QueueUnavailable: (503, "The queue is not available"),
    queue_errors.JobUnknown: (404, "The job does not exist"),
    queue_errors.IdempotencyConflict: (409, "The idempotency key belongs to another job"),
    queue_errors.JobNotDead: (409, "The job is not a dead letter"),
    monitoring_errors.ResultUnknown: (404, "The result does not exist"),
    monitoring_errors.AuditUnavailable: (503, "The audit log is not available"),
    monitoring_errors.AuditOff: (403, "The audit log is switched off"),
    service_errors.JobNotDone: (409, "The job has no result"),
    service_errors.WebhookFailed: (424, "The webhook was not delivered"),
    service_errors.WebhooksOff: (403, "Webhooks are switched off"),
    # Not 503, for it is no fault that passes: something has to expire, or to be removed.
    service_errors.StorageFull: (507, "There is no room to store this"),
    service_errors.FileUnknown: (404, "The file does not exist"),
    service_errors.FilesNotWritable: (503, "Files cannot be stored"),
    service_errors.FilesUnavailable: (503, "Files cannot be read"),
    service_errors.BatchUnknown: (404, "The batch does not exist"),
    service_errors.BatchOver: (409, "The batch has already ended"),
    service_errors.NotReady: (503, "The service is not ready"),
    service_errors.Unauthorised: (401, "A valid API key is required"),
    key_errors.Forbidden: (403, "The API key does not allow this"),
    key_errors.RateLimited: (429, "The API key has reached its limit"),
    service_errors.UrlInputsOff: (403, "Image URLs are switched off"),
    service_errors.CaptionerOff: (403, "Descriptions are switched off"),
    service_errors.UrlRejected: (422, "The URL is not allowed"),
    # Not 422, for the request may be fine, nor 502, which proxies give for a failure of ours.
    service_errors.UrlFetchFailed: (424, "The image could not be fetched"),
    service_errors.MediaTypeRejected: (415, "The request's content type is not supported"),
    service_errors.BodyTooLarge: (413, "The request is too large"),
    service_errors.RequestMalformed: (400, "The request is malformed"),
    service_errors.HeadersTooLarge: (431, "The headers are too large"),
    service_errors.UrlTooLong: (414, "The URL is too long"),
    service_errors.RequestTooSlow: (408, "The request arrives too slowly"),
    service_errors.TooManyConnections: (503, "Too many requests at once"),
    service_errors.HostNotAllowed: (421, "The host is not served here"),
    service_errors.CrossSiteRefused: (403, "Other sites' pages may not do this"),
}


# These errors' messages name hosts and folders, which only the operator may know. Callers get the texts below instead,
# and the log has the originals.
_PUBLIC_DETAILS: dict[type[KernelSightError], str] = {
    model_errors.SourceFailed: "the model store cannot be written, or the model's files cannot be fetched",
    moderation_errors.CategoriesNotWritable: "the folder of categories cannot be written",
    queue_errors.QueueUnavailable: "the queue cannot be reached; try again in a moment",
    monitoring_errors.AuditUnavailable: "the audit log cannot be read or written",
    service_errors.StorageFull: "a store is full: remove what is no longer needed, or try again when something expired",
    service_errors.FilesNotWritable: "the file store cannot be written; try again in a moment",
    service_errors.FilesUnavailable: "the file store cannot be reached; try again in a moment",
}


_INVALID = (pipeline_errors.RequestRejected, service_errors.RequestTooComplex)  # 400 on OpenAI's routes, elsewhere 422


# Errors that are expected to pass by themselves, and after how many seconds a client may try again.
_RETRY_SECONDS: dict[type[KernelSightError], int] = {
    service_errors.NotReady: 1,
    service_errors.TooManyConnections: 1,
    queue_errors.QueueUnavailable: 5,
    service_errors.StorageFull: 60,
    service_errors.FilesNotWritable: 5,
    service_errors.FilesUnavailable: 5,
}


def problem_body(code: str, status: int, title: str, detail: str, **more: Any) -> dict[str, Any]:
    """A problem+json body; it names the current request where there is one."""
    context = current_request()
    request = {} if context is None else {"request_id": context.request_id}
    return {"type": TYPE_PREFIX + code, "title": title, "status": status, "detail": detail, **more, **request}


def problem_for(error: KernelSightError) -> dict[str, Any]:
    """The problem+json body for a domain error. Errors that are the service's fault are logged."""
    status, title = _status_and_title(error)
    detail = public_detail(error)
    if status == 500:
        log.error("internal error: %s", error, exc_info=error)
    elif detail != str(error):
        log.error("%s: %s", error.code, error)
    return problem_body(error.code, status, title, detail, **error.facts)


def public_detail(error: KernelSightError) -> str:
    """The detail that callers may see."""
    if _status_and_title(error)[0] == 500:
        return "this is the service's fault; its log has the details"
    return _lookup(_PUBLIC_DETAILS, error) or str(error)


def retry_seconds(error: KernelSightError) -> float | None:
    """When a client may try again; None where waiting does not help."""
    if isinstance(error, Overloaded | key_errors.RateLimited):
        return error.retry_seconds
    return _lookup(_RETRY_SECONDS, error)


def format_problem(path: str, body: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    """Status, media type and body of a problem that answers a request for `path`.

    OpenAI's routes answer in the form that OpenAI's clients read, where an invalid request is a 400.
    """
    if not path.startswith(OPENAI_ROUTES):
        return body["status"], "application/problem+json", body
    is_invalid = body["type"] in {TYPE_PREFIX + kind.code for kind in _INVALID}
    return 400 if is_invalid else body["status"], "application/json", openai_error(body)


def _status_and_title(error: KernelSightError) -> tuple[int, str]:
    return _lookup(_STATUS_AND_TITLE, error) or (500, "Internal error")


def _lookup(table: Mapping[type[KernelSightError], T], error: KernelSightError) -> T | None:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)
