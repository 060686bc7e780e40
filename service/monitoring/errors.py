"""KernelSightError
├── AuditOff            nothing is recorded here
├── AuditUnavailable    the log cannot be written or read
└── ResultUnknown       no record of that result: never was, not here, or over its time
"""

from pathlib import Path

from models.errors import KernelSightError


class AuditOff(KernelSightError):
    code = "audit-off"

    def __init__(self) -> None:
        super().__init__("no results are recorded here: KERNELSIGHT_AUDIT is off")


class AuditUnavailable(KernelSightError):
    code = "audit-unavailable"


class ResultUnknown(KernelSightError):
    code = "result-unknown"

    def __init__(self, id: str) -> None:
        super().__init__(f"there is no record of a result {id[:80]!r}: it never was, or its time is over")


class GoldenSetInvalid(KernelSightError):
    code = "golden-set-invalid"


class GoldenSetUnknown(KernelSightError):
    code = "golden-set-unknown"

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no golden set {name!r}; there are: {', '.join(known)}")


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


class CandidateUnknown(KernelSightError):
    code = "candidate-unknown"
