"""CaptionerFailed: the vision model did not describe the picture."""

from models.errors import KernelSightError
from pipelines.captioner.types import FailureReason


class CaptionerFailed(KernelSightError):
    """The message is fit for callers: it has nothing of the server's answer, and neither its address nor the key."""

    code = "captioner-failed"

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.reason: FailureReason = reason
