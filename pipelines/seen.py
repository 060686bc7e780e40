"""What watches the engine hears of each request: enough to measure quality by, and nothing that must be kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.session import Array
from models.waiting import Priority
from pipelines.decode import Picture
from pipelines.findings import Findings
from pipelines.pipeline import Stage


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that was answered. `encoded` is what the encoder gave, where it ran: `embedding`, `grid`, `logits`.

    Picture and tensors are there to be reduced to numbers: no observer keeps them longer than that takes.
    """

    findings: Findings
    picture: Picture
    encoded: Mapping[str, Array] | None
    stages: Sequence[Stage]
    priority: Priority


# Called on the event loop after the answer is complete and before it is sent, so it has to be quick.
Observer = Callable[[Seen], None]
