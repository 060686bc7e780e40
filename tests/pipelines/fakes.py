"""Fakes at the protocols of pipelines: an encoder with fixed outputs, and pipelines that record their calls."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from models.arrays import Array
from models.inference import Inference
from models.priority import Priority
from models.runtime.model_info import ModelInfo
from pipelines.captioning.kinds.treatment import SHARED_FEATURES
from pipelines.image.decode import Picture
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import PICTURE_KINDS, Appearance, Features, ImageInfo, KindName, ModelUsed, PictureKind

CLASSES = 1000
PROMOTED = ModelInfo("fake-encoder", 4, "4" * 64, "CPUExecutionProvider", "float32", 1)  # another version of `USED`
USED = ModelUsed(id="fake-encoder", version=3, sha256="0" * 64)
APPEARANCE = Appearance(
    colours=[],
    sharpness=0.1,
    is_blurred=False,
    brightness=0.5,
    contrast=0.2,
    clipped_dark=0.0,
    clipped_bright=0.0,
    exposure="normal",
    perceptual_hash="0" * 16,
)
FEATURES = Features(embedding=None, grid=None, tags=[], groups=[], calibration="none", appearance=APPEARANCE)

IMAGE = ImageInfo(
    width=640, height=480, format="JPEG", mode="RGB", orientation="landscape", exif_orientation=1, frames=1,
    has_alpha=False, bytes=9, sha256="0" * 64,
)  # fmt: skip


def make_features(name: KindName | None, score: float = 0.95) -> Features:
    """Features of a picture of a kind; the other kinds share the rest of the probability."""
    scores = dict.fromkeys(PICTURE_KINDS, (1 - score) / (len(PICTURE_KINDS) - 1)) | {name or "photo": score}
    return FEATURES.model_copy(update={"kind": PictureKind(name=name, score=score, scores=scores)})


def make_kind(name: KindName) -> PictureKind:
    """A certain one."""
    return PictureKind(name=name, score=1.0, scores=dict.fromkeys(PICTURE_KINDS, 0.0) | {name: 1.0})


async def make_context_of_kind(name: KindName) -> RunContext:
    """The context of a request whose features say that the picture is of this kind."""

    async def find_features() -> Features:
        return FEATURES.model_copy(update={"kind": make_kind(name)})

    context = RunContext()
    await context.once(SHARED_FEATURES, find_features)
    return context


def logits_of(scores: Mapping[int, float], temperature: float = 1.0) -> NDArray[np.float32]:
    """Logits whose softmax at `temperature` gives the classes these scores, and all others the rest in equal parts."""
    rest = (1 - sum(scores.values())) / (CLASSES - len(scores))
    probabilities = np.full(CLASSES, max(rest, 1e-30), np.float32)
    probabilities[list(scores)] = list(scores.values())
    logits: NDArray[np.float32] = np.log(probabilities, dtype=np.float32) * np.float32(temperature)
    return logits


class Asked(NamedTuple):
    model: str
    inputs: Mapping[str, Array]
    priority: Priority
    deadline: float | None


class Answers:
    """`Runtime.infer` or `Runtime.infer_many`, as `answer` has it."""

    async def __call__(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        priority: Priority = "interactive",
        deadline: float | None = None,
    ) -> Inference:
        return await self.answer(Asked(model, inputs, priority, deadline))

    async def answer(self, asked: Asked) -> Inference:
        raise NotImplementedError


@dataclass
class FakeEncoder(Answers):
    """`Runtime.infer` that always gives the same outputs and remembers how it was asked."""

    logits: NDArray[np.float32] = field(default_factory=lambda: np.zeros(CLASSES, np.float32))
    embedding: NDArray[np.float32] = field(default_factory=lambda: np.arange(1280, dtype=np.float32))
    grid: NDArray[np.float32] = field(default_factory=lambda: np.zeros((7, 7, 1280), np.float32))
    model_info: ModelInfo | None = None
    asked: list[Asked] = field(default_factory=list)

    async def answer(self, asked: Asked) -> Inference:
        self.asked.append(asked)
        outputs = {"logits": self.logits, "embedding": self.embedding, "grid": self.grid}
        return Inference(outputs, wait_seconds=0.25, run_seconds=0.5, batch_size=1, model_info=self.model_info)


class NoOptions(BaseModel):
    """For pipelines that have nothing to choose."""


async def do_nothing(picture: Picture) -> None:
    """The work of a fake pipeline by default."""


@dataclass
class FakePipeline:
    """Records the pictures that it saw, awaits `work`, and returns empty features that the models `ran` gave."""

    name: str = "features"
    side: int | None = None
    work: Callable[[Picture], Awaitable[None]] = do_nothing
    seen: list[Picture] = field(default_factory=list)
    calls: list[RunContext] = field(default_factory=list)
    ran: list[ModelUsed] = field(default_factory=list)

    def models(self, options: BaseModel) -> list[ModelUsed]:
        return [USED]

    def shorter_side(self, options: BaseModel) -> int | None:
        return self.side

    async def run(self, picture: Picture, options: BaseModel, context: RunContext) -> Features:
        self.seen.append(picture)
        self.calls.append(context)
        context.models_run |= dict.fromkeys(self.ran)
        with context.stage("pretend"):
            await self.work(picture)
        return FEATURES

    def describe(self, result: BaseModel, context: PromptContext) -> str:
        return f"description of {self.name}\nin two lines"
