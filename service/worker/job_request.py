"""An operation as a job: what of it goes into the queue's record, and what is stored beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from service.operations.request import OperationRequest

KIND = "operation"
_INLINE = 4096  # bytes of fields that the job's record may have: more (images in JSON) is stored as a payload is


@dataclass(frozen=True, slots=True)
class Order:
    """`callback` is the URL that hears of the end."""

    operation: str
    ask: OperationRequest
    callback: str | None = None

    def pack(self) -> tuple[dict[str, Any], tuple[bytes, ...]]:
        """The job's record, and the payloads that it names by their place."""
        payloads: list[bytes] = []

        def stored(data: bytes) -> int:
            payloads.append(data)
            return len(payloads) - 1

        work: dict[str, Any] = {"kind": KIND, "operation": self.operation, "callback": self.callback}
        fields = orjson.dumps(self.ask.fields)
        work |= {"fields": self.ask.fields} if len(fields) <= _INLINE else {"fields_at": stored(fields)}
        if isinstance(self.ask.image, str):
            work["url"] = self.ask.image
        elif self.ask.image is not None:
            work["image_at"] = stored(self.ask.image)
        return work, tuple(payloads)

    @classmethod
    def unpack(cls, work: Mapping[str, Any], payloads: Sequence[bytes]) -> "Order":
        fields = work["fields"] if "fields" in work else orjson.loads(payloads[work["fields_at"]])
        image = payloads[work["image_at"]] if "image_at" in work else work.get("url")
        return cls(work["operation"], OperationRequest(fields, image), work["callback"])
