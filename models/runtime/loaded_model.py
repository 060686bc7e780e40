"""A model's graph with its open sessions, and their status."""

from dataclasses import dataclass

from models.manifest import Manifest
from models.priority import PRIORITIES
from models.runtime.batcher import Batcher
from models.runtime.model_info import ModelInfo, ModelStatus
from models.variants.variant import REFERENCE, Variant


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """Infer and retire through its `batcher`, on the event loop that opened it."""

    manifest: Manifest
    model_info: ModelInfo
    load_seconds: float
    batcher: Batcher
    variant: Variant = REFERENCE

    def status(self) -> ModelStatus:
        return ModelStatus(
            model_info=self.model_info,
            load_seconds=self.load_seconds,
            waiting={priority: self.batcher.queue.depth(priority) for priority in PRIORITIES},
            oldest_seconds=self.batcher.queue.oldest_seconds(),
            workers=self.batcher.workers,
            busy=self.batcher.busy,
            respawns=self.batcher.respawns,
        )
