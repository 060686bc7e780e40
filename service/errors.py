"""What goes wrong at the service's door; its other errors are beside what raises them."""

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
    """Another try may help."""

    code = "webhook-failed"
