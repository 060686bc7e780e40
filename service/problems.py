"""Domain errors to RFC 9457 problem+json: the only place where a KernelSight error meets HTTP.

`type` is `urn:kernelsight:problem:<code>` and never changes; docs/errors.md lists them.
"""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from models import errors as models
from models.errors import KernelSightError
from pipelines import errors as pipelines
from pipelines.documents import errors as documents
from pipelines.moderation import errors as moderation
from service import errors as work
from service.batches import errors as batches
from service.errors import (
    BodyTooLarge,
    MediaTypeRejected,
    NotReady,
    Unauthorised,
    UrlFetchFailed,
    UrlInputsOff,
    UrlRejected,
)
from service.monitoring import errors as monitoring
from service.operations import openai_moderation
from service.queue import errors as jobs
from service.telemetry.request_context import current

log = logging.getLogger(__name__)

T = TypeVar("T")

PREFIX = "urn:kernelsight:problem:"

OPENAI_ROUTES = ("/v1/moderations", "/v1/embeddings", "/v1/files", "/v1/batches")


# In each table the nearest class on an error's MRO decides; whatever is not in this one is our fault: 500.
_ANSWERS: dict[type[KernelSightError], tuple[int, str]] = {
    pipelines.ImageEmpty: (400, "The image is empty"),
    pipelines.ImageUnsupported: (415, "This is no image format that we read"),
    pipelines.ImageTruncated: (422, "The image file is cut off"),
    pipelines.ImageCorrupt: (422, "The image file is damaged"),
    pipelines.ImageTooLarge: (413, "The image is too large"),
    documents.DocumentLocked: (422, "The document is locked"),
    documents.DocumentCorrupt: (422, "The document is damaged"),
    documents.TooManyPages: (413, "The document has too many pages"),
    documents.PageFailed: (422, "The page cannot be read"),
    pipelines.RequestRejected: (422, "The request is not valid"),
    pipelines.NoSuitableFace: (422, "There is no face to make an avatar of"),
    moderation.CategoryNameInvalid: (422, "This is no name for a category"),
    moderation.CategoryUnknown: (404, "There is no such category"),
    moderation.CategoryExists: (409, "There is such a category already"),
    moderation.CategoryBroken: (503, "The category's file is broken"),
    moderation.CategoriesNotWritable: (503, "Categories cannot be stored here"),
    moderation.HeadMismatch: (409, "The category belongs to another encoder"),
    moderation.TrainingRejected: (422, "No category can be made of these images"),
    models.ModelUnknown: (404, "There is no such model"),
    models.ExplanationUnavailable: (501, "This model's answers cannot be explained exactly"),
    monitoring.CandidateUnknown: (409, "There is no second version of this model"),
    models.SourceFailed: (503, "The model store cannot be used"),
    models.KernelsUnavailable: (501, "This model's kernels cannot be looked at"),
    models.LayerUnknown: (404, "There is no such layer"),
    models.ModelMissing: (503, "A model is not available"),
    models.Overloaded: (429, "Too much work is waiting"),
    models.DeadlineExceeded: (504, "The answer came too late"),
    jobs.QueueUnavailable: (503, "The queue is not available"),
    jobs.JobUnknown: (404, "There is no such job"),
    jobs.IdempotencyConflict: (409, "This key belongs to another job"),
    jobs.JobNotDead: (409, "The job is no dead letter"),
    monitoring.ResultUnknown: (404, "There is no such result"),
    monitoring.AuditUnavailable: (503, "The audit log is not available"),
    monitoring.AuditOff: (403, "Results are not recorded here"),
    work.JobNotDone: (409, "The job has no result"),
    work.WebhookFailed: (424, "The callback was not received"),
    work.WebhooksOff: (403, "Callbacks are switched off"),
    batches.FileUnknown: (404, "There is no such file"),
    batches.FilesNotWritable: (503, "Files cannot be stored here"),
    batches.FilesUnavailable: (503, "Files cannot be read here"),
    batches.BatchUnknown: (404, "There is no such batch"),
    batches.BatchOver: (409, "The batch is over"),
    NotReady: (503, "The service is not ready"),
    Unauthorised: (401, "An API key is needed"),
    UrlInputsOff: (403, "Image URLs are switched off"),
    UrlRejected: (422, "This URL is not fetched from"),
    # Not 422, for the request may be fine, nor 502, which proxies give for a failure of ours.
    UrlFetchFailed: (424, "The image could not be fetched"),
    MediaTypeRejected: (415, "The request's content type is not understood"),
    BodyTooLarge: (413, "The request is too large"),
}


# Their messages name hosts and folders, which are the operator's to know: callers get these, and the log has the rest.
_TOLD: dict[type[KernelSightError], str] = {
    models.SourceFailed: "the model store cannot be written, or the model's files cannot be had",
    moderation.CategoriesNotWritable: "the folder of categories cannot be written",
    jobs.QueueUnavailable: "the queue cannot be reached; try again in a moment",
    monitoring.AuditUnavailable: "the audit log cannot be read or written",
    batches.FilesNotWritable: "the place where files are kept takes none; try again in a moment",
    batches.FilesUnavailable: "the place where files are kept cannot be reached; try again in a moment",
}


# What passes by itself, in about so many seconds.
_RETRY_SECONDS: dict[type[KernelSightError], int] = {
    NotReady: 1,
    jobs.QueueUnavailable: 5,
    batches.FilesNotWritable: 5,
    batches.FilesUnavailable: 5,
}


def problem(code: str, status: int, title: str, detail: str, **more: Any) -> dict[str, Any]:
    context = current()
    named = {} if context is None else {"request_id": context.request_id}
    return {"type": PREFIX + code, "title": title, "status": status, "detail": detail, **more, **named}


def problem_of(error: KernelSightError) -> dict[str, Any]:
    """The problem+json body for a domain error; what is our fault is logged."""
    status, title = _answer_of(error)
    detail = detail_of(error)
    if status == 500:
        log.error("internal error: %s", error, exc_info=error)
    elif detail != str(error):
        log.error("%s: %s", error.code, error)
    return problem(error.code, status, title, detail, **error.facts)


def detail_of(error: KernelSightError) -> str:
    """What callers may know of it."""
    if _answer_of(error)[0] == 500:
        return "this is the service's fault; its log has the details"
    return _nearest(_TOLD, error) or str(error)


def _answer_of(error: KernelSightError) -> tuple[int, str]:
    return _nearest(_ANSWERS, error) or (500, "Internal error")


def _nearest(table: Mapping[type[KernelSightError], T], error: KernelSightError) -> T | None:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def as_answered(path: str, body: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    """Status, media type and body of a problem.

    On the routes that are OpenAI's it has the form that OpenAI's clients read: there an invalid request is a 400.
    """
    if not path.startswith(OPENAI_ROUTES):
        return body["status"], "application/problem+json", body
    status = 400 if body["type"] == PREFIX + pipelines.RequestRejected.code else body["status"]
    return status, "application/json", openai_moderation.error_of(body)
