"""What can be wrong with golden sets."""

from models.errors import KernelSightError


class GoldenSetInvalid(KernelSightError):
    code = "golden-set-invalid"


class GoldenSetUnknown(KernelSightError):
    code = "golden-set-unknown"

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no golden set {name!r}; there are: {', '.join(known)}")
