"""Errors of the service's outer layers: HTTP, fetching, workers and batches.

The queue and the monitors have theirs in their own packages. problems.py, below workers and batches, maps them all.
"""

from models.errors import KernelSightError
from pipelines.errors import RequestRejected


class NotReady(KernelSightError):
    code = "not-ready"


class Unauthorised(KernelSightError):
    code = "unauthorised"


class UrlInputsOff(KernelSightError):
    code = "url-inputs-off"


class CaptionerOff(KernelSightError):
    code = "captioner-off"

    def __init__(self) -> None:
        super().__init__("no captioner is set up here: KERNELSIGHT_CAPTIONER_URL names one")


class UrlRejected(KernelSightError):
    code = "url-rejected"


class UrlFetchFailed(KernelSightError):
    code = "url-fetch-failed"


class MediaTypeRejected(KernelSightError):
    code = "media-type-rejected"


class BodyTooLarge(KernelSightError):
    code = "body-too-large"


class RequestTooComplex(RequestRejected):
    """The request has more values, depth, texts or fields, or longer ones, than the limits allow."""

    code = "request-too-complex"


class RequestMalformed(KernelSightError):
    code = "request-malformed"


class HeadersTooLarge(KernelSightError):
    code = "headers-too-large"


class UrlTooLong(KernelSightError):
    code = "url-too-long"


class RequestTooSlow(KernelSightError):
    code = "request-too-slow"


class TooManyConnections(KernelSightError):
    code = "too-many-connections"


class HostNotAllowed(KernelSightError):
    code = "host-not-allowed"


class CrossSiteRefused(KernelSightError):
    code = "cross-site-refused"


class JobNotDone(KernelSightError):
    code = "job-not-done"


class WebhooksOff(KernelSightError):
    code = "webhooks-off"


class WebhookFailed(KernelSightError):
    """The callback's server did not take the message; another attempt may succeed."""

    code = "webhook-failed"


class StorageFull(KernelSightError):
    """A store has as many bytes as it may. Nothing was written; what is stored already stays."""

    code = "storage-full"


class FileUnknown(KernelSightError):
    code = "file-unknown"

    def __init__(self, id: str) -> None:
        super().__init__(f"no file {id[:80]!r} here")


class FilesNotWritable(KernelSightError):
    code = "files-not-writable"


class FilesFull(StorageFull, FilesNotWritable):
    def __init__(self, limit: int) -> None:
        super().__init__(f"the files would take more than {limit:,} bytes (KERNELSIGHT_FILES_BYTES)")


class FilesUnavailable(KernelSightError):
    code = "files-unavailable"


class BatchUnknown(KernelSightError):
    code = "batch-unknown"

    def __init__(self, id: str) -> None:
        super().__init__(f"no batch {id[:80]!r} here")


class BatchOver(KernelSightError):
    code = "batch-over"
