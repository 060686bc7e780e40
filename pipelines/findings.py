"""What one run of the engine found, over all pipelines that were asked."""

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from models.priority import Priority
from models.runtime.session import Array
from pipelines.documents.types import Document
from pipelines.explain.pipeline import Explained
from pipelines.faces.types import Avatar, Faces
from pipelines.image.decode import Picture
from pipelines.image.sanitize import Sanitized
from pipelines.moderation.types import Moderation
from pipelines.run_context import Stage
from pipelines.types import Answer, Features


class Findings(Answer):
    """One field per pipeline, under its name; None where it was not asked for or `withheld`."""

    withheld: list[str] | None = Field(
        default=None, description="pipelines that did not see the image, because moderation blocks it"
    )
    moderation: Moderation | None = None
    features: Features | None = None
    faces: Faces | None = None
    document: Document | None = None
    explain: Explained | None = None
    sanitize: Sanitized | None = Field(default=None, exclude=True)  # an image file, as the avatar
    avatar: Avatar | None = Field(default=None, exclude=True)  # an image file: a route of its own hands it out


@dataclass(frozen=True, slots=True)
class Observation:
    """A request that was answered. `encoded` is what the encoder gave, where it ran: `embedding`, `grid`, `logits`.

    Picture and tensors are there to be reduced to numbers: no observer keeps them longer than that takes.
    """

    findings: Findings
    picture: Picture
    encoded: Mapping[str, Array] | None
    stages: Sequence[Stage]
    priority: Priority


# Called on the event loop after the answer is complete and before it is sent, so it has to be quick.
Observer = Callable[[Observation], None]

_FORM = re.compile(r"res_([0-9a-f]{12})[0-9a-f]{20}")

_END = 253_402_300_800.0  # Unix seconds at the end of the year 9999: what is later has no date


def new_result_id() -> str:
    """`res_` and 32 hexadecimal digits: 12 of Unix milliseconds, as UUIDv7 begins (RFC 9562), and 80 random bits."""
    return f"res_{time.time_ns() // 1_000_000:012x}{random.getrandbits(80):020x}"


def made_at(result_id: str) -> float | None:
    """Unix seconds; None for what is no result id."""
    found = _FORM.fullmatch(result_id)
    at = int(found[1], 16) / 1000 if found else _END
    return at if at < _END else None
