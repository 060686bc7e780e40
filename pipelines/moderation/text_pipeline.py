"""Moderates texts: each gets a result id and is reported to observers. There is nothing to decode, so no engine."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

from models.priority import Priority
from pipelines.findings import new_result_id
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.types import Moderation

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModeratedText:
    """The verdict on a text, of which only the length is kept. `timings` are seconds by stage."""

    result_id: str
    characters: int
    moderation: Moderation
    timings: Mapping[str, float]
    priority: Priority


TextObserver = Callable[[ModeratedText], None]


class TextModeration:
    def __init__(self, moderation: ModerationPipeline) -> None:
        self._moderation = moderation
        self._observers: list[TextObserver] = []

    def add_observer(self, observer: TextObserver) -> None:
        """Call it with every text that is moderated from now on; like the engine's observers it has to be quick."""
        self._observers.append(observer)

    async def moderate(
        self, text: str, options: ModerationOptions, priority: Priority = "interactive"
    ) -> ModeratedText:
        """Raises RequestRejected for an unknown tenant."""
        started = perf_counter()
        moderation = await self._moderation.moderate_text(text, options)
        timings = {"total": round(perf_counter() - started, 6)}
        moderated = ModeratedText(new_result_id(), len(text), moderation, timings, priority)
        self._notify(moderated)
        return moderated

    def _notify(self, moderated: ModeratedText) -> None:
        """An observer that fails does not cost the answer."""
        for observer in self._observers:
            try:
                observer(moderated)
            except Exception:
                log.exception("bug in an observer of texts")
