"""Texts judged as images are, each with a result id and heard of by observers; no engine, for nothing is decoded."""

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
class JudgedText:
    """A verdict on a text, of which only the length is told. `timings` are seconds by stage."""

    result_id: str
    characters: int
    moderation: Moderation
    timings: Mapping[str, float]
    priority: Priority


TextObserver = Callable[[JudgedText], None]


class Texts:
    def __init__(self, moderation: ModerationPipeline) -> None:
        self._moderation = moderation
        self._observers: list[TextObserver] = []

    def add_observer(self, observer: TextObserver) -> None:
        """Let it hear of every text that is judged from now on; as the engine's observers it has to be quick."""
        self._observers.append(observer)

    async def judge(self, text: str, options: ModerationOptions, priority: Priority = "interactive") -> JudgedText:
        """Raises RequestRejected for an unknown tenant."""
        started = perf_counter()
        found = await self._moderation.judge_text(text, options)
        timings = {"total": round(perf_counter() - started, 6)}
        judged = JudgedText(new_result_id(), len(text), found, timings, priority)
        self._tell(judged)
        return judged

    def _tell(self, judged: JudgedText) -> None:
        """An observer that fails costs nobody an answer."""
        for observer in self._observers:
            try:
                observer(judged)
            except Exception:
                log.exception("bug in an observer of texts")
