"""Errors of documents and of single pages; the tree continues that of `pipelines.errors`.

ImageRejected
├── DocumentLocked      it needs a password, or another one than was given
├── DocumentCorrupt     none of its pages can be reached
├── TooManyPages        the request asks for more than the limit
└── PageFailed          a single page; the others may be fine
    ├── PageBroken
    └── PageTooSlow
"""

from pipelines.errors import ImageRejected


class DocumentLocked(ImageRejected):
    code = "document-locked"


class DocumentCorrupt(ImageRejected):
    code = "document-corrupt"


class TooManyPages(ImageRejected):
    code = "document-too-many-pages"

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(f"these are {found:,} pages; the limit is {limit:,}: choose some with 'pages'")


class PageFailed(ImageRejected):
    code = "page-failed"


class PageBroken(PageFailed):
    code = "page-broken"

    def __init__(self, number: int) -> None:
        super().__init__(f"page {number} cannot be read")


class PageTooSlow(PageFailed):
    code = "page-too-slow"

    def __init__(self, number: int, seconds: float) -> None:
        super().__init__(f"page {number} was not done in {seconds:g} seconds")
