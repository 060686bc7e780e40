"""An operation as a job: what of it goes into the queue's record, and what is stored beside it once."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from service.intake import Ask

_INLINE = 4096  # bytes of fields that the job's record may have: more (images in JSON) is stored as a payload is


@dataclass(frozen=True, slots=True)
class Order:
    """`callback` is the URL that hears of the end."""

    operation: str
    ask: Ask
    callback: str | None = None

    def pack(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The job's record, and payloads by their sha256: the same image in many jobs is one."""
        blobs: dict[str, bytes] = {}

        def stored(data: bytes) -> str:
            name = sha256(data).hexdigest()
            blobs[name] = data
            return name

        work: dict[str, Any] = {"kind": "operation", "operation": self.operation, "callback": self.callback}
        fields = orjson.dumps(self.ask.fields)
        work |= {"fields": self.ask.fields} if len(fields) <= _INLINE else {"fields_blob": stored(fields)}
        if isinstance(self.ask.image, str):
            work["url"] = self.ask.image
        elif self.ask.image is not None:
            work["image_blob"] = stored(self.ask.image)
        return work, blobs

    @classmethod
    def unpack(cls, work: Mapping[str, Any], blobs: Mapping[str, bytes]) -> "Order":
        fields = work["fields"] if "fields" in work else orjson.loads(blobs[work["fields_blob"]])
        image = blobs[work["image_blob"]] if "image_blob" in work else work.get("url")
        return cls(work["operation"], Ask(fields, image), work["callback"])
