"""KernelSightError
├── AuditOff            nothing is recorded here
├── AuditUnavailable    the log cannot be written or read
└── ResultUnknown       no record of that result: never was, not here, or over its time
"""

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
