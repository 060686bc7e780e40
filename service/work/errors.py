"""What can go wrong with jobs beyond the queue, one class a kind."""

from models.errors import KernelSightError


class JobNotDone(KernelSightError):
    code = "job-not-done"


class WebhooksOff(KernelSightError):
    code = "webhooks-off"


class WebhookFailed(KernelSightError):
    """Another try may help."""

    code = "webhook-failed"
