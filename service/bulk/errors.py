"""What can be wrong with a batch, one class a kind; the tree continues that of `models.errors`.

KernelSightError
├── ExtraMissing        a library that this source, output or engine takes is not installed
├── SourceInvalid       something named on the command line cannot be listed: nothing there, or no manifest
├── OutputInvalid       the output cannot be written, or is not what a batch wrote
├── OutputMismatch      the output was made under other conditions
├── ClusterUnavailable  no Ray cluster at that address, or it cannot do what was asked
└── ItemRejected        one item alone: an error in its row
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
