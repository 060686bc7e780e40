"""Errors of the service's outer layers: HTTP, fetching, workers and batches.

The queue and the monitors have theirs in their own packages. problems.py, below workers and batches, maps them all.
"""

from models.errors import KernelSightError


class NotReady(KernelSightError):
    code = "not-ready"


class Unauthorised(KernelSightError):
    code = "unauthorised"


class UrlInputsOff(KernelSightError):
    code = "url-inputs-off"


class UrlRejected(KernelSightError):
    code = "url-rejected"


class UrlFetchFailed(KernelSightError):
    code = "url-fetch-failed"


class MediaTypeRejected(KernelSightError):
    code = "media-type-rejected"


class BodyTooLarge(KernelSightError):
    code = "body-too-large"


class JobNotDone(KernelSightError):
    code = "job-not-done"


class WebhooksOff(KernelSightError):
    code = "webhooks-off"


class WebhookFailed(KernelSightError):
    """The callback's server did not take the message; another attempt may succeed."""

    code = "webhook-failed"


class FileUnknown(KernelSightError):
    code = "file-unknown"

    def __init__(self, id: str) -> None:
        super().__init__(f"no file {id[:80]!r} here")


class FilesNotWritable(KernelSightError):
    code = "files-not-writable"


class FilesUnavailable(KernelSightError):
    code = "files-unavailable"


class BatchUnknown(KernelSightError):
    code = "batch-unknown"

    def __init__(self, id: str) -> None:
        super().__init__(f"no batch {id[:80]!r} here")


class BatchOver(KernelSightError):
    code = "batch-over"
