"""The errors of custom categories; the tree continues that of `pipelines.errors`.

KernelSightError
├── CategoryNameInvalid     not usable as the name in a policy, an address and a file
├── CategoryUnknown         no category of that name was trained
├── CategoryExists          it would be overwritten, and the request does not ask for that
├── CategoryBroken          its file cannot be read
├── CategoriesNotWritable   no file can be written into the folder of categories
├── HeadMismatch            it was trained on another encoder's embeddings
└── TrainingRejected        nothing can be learnt from these images
"""

from pathlib import Path

from models.errors import KernelSightError
from pipelines.types import ModelUsed


class CategoryNameInvalid(KernelSightError):
    code = "category-name-invalid"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} is no name for a category: take up to 63 of a-z, 0-9 and '-', beginning with a letter or digit"
        )


class CategoryUnknown(KernelSightError):
    code = "category-unknown"

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no category {name!r}; there are: {', '.join(known) or 'none'}")


class CategoryExists(KernelSightError):
    code = "category-exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a category {name!r}; say --force or ?replace=true to train it anew")


class CategoryBroken(KernelSightError):
    code = "category-broken"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"the file of category {name!r} is broken: {problem}")


class CategoriesNotWritable(KernelSightError):
    code = "categories-not-writable"

    def __init__(self, folder: Path, cause: OSError) -> None:
        super().__init__(f"the folder of categories {folder} cannot be written: {cause.strerror}")


class HeadMismatch(KernelSightError):
    code = "category-mismatch"

    def __init__(self, name: str, trained: ModelUsed, here: ModelUsed) -> None:
        super().__init__(
            f"category {name!r} was trained on {trained.id} {trained.version} ({trained.sha256[:12]}), "
            f"here runs {here.id} {here.version} ({here.sha256[:12]}): train it again"
        )


class TrainingRejected(KernelSightError):
    code = "training-rejected"
