"""Errors of bulk runs; the tree continues that of `models.errors`.

KernelSightError
├── ExtraMissing        a library that this source, output or engine needs is not installed
├── SourceInvalid       a source on the command line cannot be listed: it does not exist, or is not a manifest
├── OutputInvalid       the output cannot be written, or no bulk run wrote it
├── OutputMismatch      the output has another fingerprint
├── ClusterUnavailable  there is no Ray cluster at that address, or it failed
└── ItemRejected        one item has an error; it goes into its row
    ├── ManifestLineInvalid
    └── SourceUnreadable
"""

from models.errors import KernelSightError


class ExtraMissing(KernelSightError):
    code = "extra-missing"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} takes the extra {extra!r}; install it with: pip install 'kernelsight[{extra}]'")


class SourceInvalid(KernelSightError):
    code = "source-invalid"


class OutputInvalid(KernelSightError):
    code = "output-invalid"


class OutputMismatch(KernelSightError):
    code = "output-mismatch"


class ClusterUnavailable(KernelSightError):
    code = "cluster-unavailable"


class ItemRejected(KernelSightError):
    code = "item-rejected"


class ManifestLineInvalid(ItemRejected):
    code = "manifest-line-invalid"


class SourceUnreadable(ItemRejected):
    code = "source-unreadable"
