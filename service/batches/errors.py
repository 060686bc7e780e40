"""What can go wrong with files and batches, one class a kind."""

from models.errors import KernelSightError


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
