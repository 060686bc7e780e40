"""What can be wrong with a reference, one class a kind."""

from pathlib import Path

from models.errors import KernelSightError


class ReferenceUnknown(KernelSightError):
    code = "reference-unknown"

    def __init__(self, subject: str, known: list[str]) -> None:
        super().__init__(f"there is no reference of {subject!r}; there are: {', '.join(known) or 'none'}")


class ReferenceInvalid(KernelSightError):
    code = "reference-invalid"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the reference in {path} cannot be used: {why}")


class ReferenceTooSmall(KernelSightError):
    code = "reference-too-small"

    def __init__(self, found: int, least: int) -> None:
        super().__init__(f"a reference takes {least} observations, here are {found}: chance would pass for drift")


class ReferencesNotWritable(KernelSightError):
    code = "references-not-writable"

    def __init__(self, folder: Path, cause: OSError) -> None:
        super().__init__(f"references cannot be stored in {folder}: {cause.strerror or cause}")
