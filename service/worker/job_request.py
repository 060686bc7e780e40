"""Packs a request for an operation into a job's record and payloads, and unpacks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from service.operations.operation import OperationRequest

OPERATION = "operation"
_INLINE_BYTES = 4096  # larger fields (images in JSON) become a payload instead of part of the record


@dataclass(frozen=True, slots=True)
class JobRequest:
    """`callback` is the URL that is called when the job has ended."""

    operation: str
    request: OperationRequest
    callback: str | None = None

    def pack(self) -> tuple[dict[str, Any], tuple[bytes, ...]]:
        """The job's record, and the payloads that it refers to by index."""
        payloads: list[bytes] = []

        def add_payload(data: bytes) -> int:
            payloads.append(data)
            return len(payloads) - 1

        work: dict[str, Any] = {"kind": OPERATION, "operation": self.operation, "callback": self.callback}
        fields = orjson.dumps(self.request.fields)
        work |= {"fields": self.request.fields} if len(fields) <= _INLINE_BYTES else {"fields_at": add_payload(fields)}
        if isinstance(self.request.image, str):
            work["url"] = self.request.image
        elif self.request.image is not None:
            work["image_at"] = add_payload(self.request.image)
        return work, tuple(payloads)

    @classmethod
    def unpack(cls, work: Mapping[str, Any], payloads: Sequence[bytes]) -> "JobRequest":
        fields = work["fields"] if "fields" in work else orjson.loads(payloads[work["fields_at"]])
        image = payloads[work["image_at"]] if "image_at" in work else work.get("url")
        return cls(work["operation"], OperationRequest(fields, image), work["callback"])
