"""Errors of images and requests, one class a kind; the tree continues that of `models.errors`.

KernelSightError
├── ImageRejected           the caller's image cannot be used
│   ├── ImageEmpty          no bytes
│   ├── ImageUnsupported    not one of the formats we read
│   ├── ImageTruncated      the file stops before its end
│   ├── ImageCorrupt        the bytes contradict themselves
│   ├── ImageDecoderFailed  the bytes crash or stall their decoder
│   └── ImageTooLarge       over a limit of bytes, pixels or frames
│       ├── TooManyBytes
│       ├── TooManyPixels
│       └── TooManyFrames
├── Overloaded
│   └── DecoderUnavailable  no process can be started that decodes images or documents
├── RequestRejected         the image may be fine, what is asked of it is not
├── PipelineUnavailable     the pipeline's models are not in the store
└── NoSuitableFace          no avatar can be made of this image
"""

from typing import Any

from models.errors import KernelSightError, Overloaded


class ImageRejected(KernelSightError):
    code = "image-rejected"


class ImageEmpty(ImageRejected):
    code = "image-empty"

    def __init__(self) -> None:
        super().__init__("the image has no bytes")


class ImageUnsupported(ImageRejected):
    code = "image-unsupported"


class ImageTruncated(ImageRejected):
    code = "image-truncated"


class ImageCorrupt(ImageRejected):
    code = "image-corrupt"


class ImageDecoderFailed(ImageRejected):
    code = "image-decoder-failed"


class ImageTooLarge(ImageRejected):
    code = "image-too-large"


class TooManyBytes(ImageTooLarge):
    code = "image-too-many-bytes"

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(f"the image has {found:,} bytes; the limit is {limit:,}")


class TooManyPixels(ImageTooLarge):
    code = "image-too-many-pixels"

    def __init__(self, width: int, height: int, limit: int) -> None:
        super().__init__(f"the image has {width} x {height} = {width * height:,} pixels; the limit is {limit:,}")


class TooManyFrames(ImageTooLarge):
    code = "image-too-many-frames"

    def __init__(self, found: int, limit: int) -> None:
        super().__init__(f"the image has at least {found:,} frames; the limit is {limit:,}")


class DecoderUnavailable(Overloaded):
    code = "decoder-unavailable"

    def __init__(self, why: str) -> None:
        KernelSightError.__init__(self, f"no decoder can be started now ({why}); try again in a moment")
        self.retry_seconds = 1.0


class RequestRejected(KernelSightError):
    code = "request-rejected"


class PipelineUnavailable(KernelSightError):
    code = "pipeline-unavailable"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} is not available here: {why}")


class NoSuitableFace(KernelSightError):
    code = "no-suitable-face"

    def __init__(self, message: str, found: dict[str, Any]) -> None:
        """`found` is what the faces pipeline answered, as JSON."""
        super().__init__(message)
        self.facts = {"found": found}
