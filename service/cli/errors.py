"""The errors that commands end with, one class for each kind."""

from pathlib import Path

from models.errors import KernelSightError


class OutputNotWritable(KernelSightError):
    code = "not-written"

    def __init__(self, path: Path, cause: Exception) -> None:
        super().__init__(f"cannot write {path}: {cause.strerror if isinstance(cause, OSError) else cause}")


class FileUnreadable(KernelSightError):
    code = "file-unreadable"


class NotHashable(KernelSightError):
    code = "not-hashable"


class NotInHashList(KernelSightError):
    code = "not-in-list"


class ModelsNotPulled(KernelSightError):
    code = "models-not-pulled"


class StoreDamaged(KernelSightError):
    code = "store-damaged"


class StoredModerationInvalid(KernelSightError):
    code = "record-invalid"


class DecisionDiffers(KernelSightError):
    code = "decision-differs"


class PortUnavailable(KernelSightError):
    code = "port-unavailable"


class StartFailed(KernelSightError):
    code = "start-failed"


class ServiceUnreachable(KernelSightError):
    code = "service-unreachable"


class ServiceRefused(KernelSightError):
    code = "service-refused"
