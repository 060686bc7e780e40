"""The errors of the monitors.

KernelSightError
├── AuditOff                 the audit log is switched off
├── AuditUnavailable         the audit log cannot be written or read
│   └── AuditFull            it has as many bytes as it may (also a StorageFull)
├── ResultUnknown            no record of that result: it never existed, belongs elsewhere, or has expired
├── GoldenSetInvalid         a golden set has a mistake in it
├── GoldenSetUnknown         no golden set of that name
├── ReferenceUnknown         no reference of that subject
├── ReferenceInvalid         the file of a reference cannot be used
├── ReferenceTooSmall        too few observations for a reference
├── ReferencesNotWritable    the folder of references cannot be written
└── CandidateUnknown         no such shadow version to promote
"""

from pathlib import Path

from models.errors import KernelSightError
from service.errors import StorageFull


class AuditOff(KernelSightError):
    code = "audit-off"

    def __init__(self) -> None:
        super().__init__("no results are recorded here: KERNELSIGHT_AUDIT is off")


class AuditUnavailable(KernelSightError):
    code = "audit-unavailable"


class AuditFull(StorageFull, AuditUnavailable):
    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"the log {name!r} would take more than {limit:,} bytes (KERNELSIGHT_AUDIT_BYTES)")


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

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the reference in {path} cannot be used: {reason}")


class ReferenceTooSmall(KernelSightError):
    code = "reference-too-small"

    def __init__(self, found: int, minimum: int) -> None:
        super().__init__(f"a reference takes {minimum} observations, here are {found}: chance would pass for drift")


class ReferencesNotWritable(KernelSightError):
    code = "references-not-writable"

    def __init__(self, folder: Path, cause: OSError) -> None:
        super().__init__(f"references cannot be stored in {folder}: {cause.strerror or cause}")


class CandidateUnknown(KernelSightError):
    code = "candidate-unknown"
