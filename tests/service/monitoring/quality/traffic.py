"""Streams of pictures through the real encoder and an observer, with failures planted on request.

A few dozen crops of photographs are encoded once per failure; streams draw from them by seed. So both sides of a
comparison have the same distribution, whatever the number of crops, unless something is wrong.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from prometheus_client import CollectorRegistry

from models.arrays import Array
from models.inference import Inference
from models.labels import load_label_set
from models.registry import Catalog
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from models.store.store import Store
from pipelines.captioning.encoder import ImageEncoder
from pipelines.captioning.options import FeaturesOptions
from pipelines.captioning.pipeline import CaptioningPipeline
from pipelines.cpu_pool import CpuPool
from pipelines.documents.spec import TRACKED_LAYOUT, TRACKED_TEXT
from pipelines.engine import Engine
from pipelines.faces.spec import TRACKED_FACES
from pipelines.findings import Observation
from pipelines.image.decode import ImageLimits
from pipelines.moderation.spec import TRACKED_NSFW
from pipelines.types import ModelUsed
from service.monitoring.quality import signals
from service.monitoring.quality.metrics import QualityMetrics
from service.monitoring.quality.observer import QualityObserver
from service.monitoring.quality.report import QualityReport
from service.monitoring.quality.subjects import IMAGE_SIGNALS, DriftSubject, DriftSubjects
from service.settings import Settings
from tests.pipelines.fakes import Answers, Asked
from tests.pipelines.images import encode, photograph

MANIFEST = Catalog.load().get("efficientnet-lite0")
USED = ModelUsed(id=MANIFEST.id, version=MANIFEST.version, sha256="0" * 64)
LABELS = load_label_set("imagenet-1k")
PHOTOGRAPHS = (
    "astronaut", "cat", "coffee", "rocket", "hubble_deep_field", "retina", "immunohistochemistry", "colorwheel",
    "camera", "coins", "page", "brick",
)  # fmt: skip
CROPS = 6  # of each photograph
REFERENCE, WINDOW = 1000, 500

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels], Pixels]


def keep_unchanged(tensor: Pixels) -> Pixels:
    return tensor


@dataclass(frozen=True)
class GraphInfer(Answers):
    """`Runtime.infer` on a session of its own; `change` is applied to each tensor before."""

    session: OnnxRuntimeSession
    change: Change

    async def answer(self, asked: Asked) -> Inference:
        feeds = {name: np.ascontiguousarray(self.change(tensor))[None] for name, tensor in asked.inputs.items()}
        outputs = {name: rows[0] for name, rows in self.session.run(feeds).items()}
        return Inference(outputs, wait_seconds=0.0, run_seconds=0.0, batch_size=1)


async def no_inference(model: str, inputs: Mapping[str, Array], **how: object) -> Inference:
    raise AssertionError("an observer asked for an inference")


# Observers need only its manifest and labels.
ENCODER_WITHOUT_INFERENCE = ImageEncoder(MANIFEST, USED, LABELS, no_inference, CpuPool(threads=1))


def encoder_graph() -> Path:
    return Store(Settings().models.store.expanduser()).graph(MANIFEST)


@cache
def photograph_crops(name: str, light: float = 1.0) -> tuple[bytes, ...]:
    """Random crops of one photograph, some mirrored, each a little lighter or darker; brightness times `light`."""
    random, whole = np.random.default_rng(PHOTOGRAPHS.index(name)), photograph(name)
    whole.thumbnail((600, 600))
    return tuple(encode(_crop(whole, random, light), "JPEG", quality=90) for _ in range(CROPS))


def _crop(whole: Image.Image, random: np.random.Generator, light: float) -> Image.Image:
    side = int(min(whole.size) * random.uniform(0.5, 0.95))
    left, top = (int(random.integers(0, room - side + 1)) for room in whole.size)
    cut = whole.crop((left, top, left + side, top + side))
    gain = light * random.uniform(0.7, 1.3)
    lit = cut.point([min(255, round(level * gain)) for level in range(256)] * 3)
    return ImageOps.mirror(lit) if random.random() < 0.5 else lit


def observe_photographs(
    names: Sequence[str] = PHOTOGRAPHS,
    *,
    light: float = 1.0,
    change: Change = keep_unchanged,
    crop: float = MANIFEST.input.crop,
    path: Path | None = None,
) -> list[Observation]:
    """The engine's observations of all crops; `crop` replaces the manifest's constant, `path` the graph."""
    manifest = MANIFEST.model_copy(update={"input": MANIFEST.input.model_copy(update={"crop": crop})})
    session = OnnxRuntimeSession(path or encoder_graph(), device="cpu", threads=2)
    pool, observations = CpuPool(threads=2), list[Observation]()

    async def run_all() -> None:
        encoder = ImageEncoder(manifest, USED, LABELS, GraphInfer(session, change), pool)
        engine = Engine([CaptioningPipeline(encoder, pool)], pool=pool, limits=ImageLimits())
        engine.add_observer(observations.append)
        for image in (image for name in names for image in photograph_crops(name, light)):
            await engine.run(image, {"features": FeaturesOptions(embedding="none")})

    asyncio.run(run_all())
    pool.close()
    return observations


def make_observer(registry: CollectorRegistry | None = None) -> QualityObserver:
    """An observer without observations."""
    of_encoder = (signals.CONFIDENCE, signals.ENTROPY, signals.MARGIN, signals.group_signal(LABELS.groups))
    subjects = DriftSubjects(
        images=DriftSubject("images", "", IMAGE_SIGNALS),
        encoder=DriftSubject(USED.id, USED.sha256, of_encoder, has_embedding=True),
        tracked={
            TRACKED_NSFW: DriftSubject("nsfw", "1", TRACKED_NSFW.signals),
            TRACKED_FACES: DriftSubject("faces", "1", TRACKED_FACES.signals),
            TRACKED_TEXT: DriftSubject("text", "1", TRACKED_TEXT.signals),
            TRACKED_LAYOUT: DriftSubject("layout", "1", TRACKED_LAYOUT.signals),
        },
    )
    return QualityObserver(subjects, ENCODER_WITHOUT_INFERENCE, QualityMetrics(registry or CollectorRegistry()), WINDOW)


def replay(observations: Sequence[Observation], count: int, seed: int, observer: QualityObserver) -> None:
    """Let the observer see `count` of the observations, drawn with replacement."""
    for index in np.random.default_rng(seed).integers(0, len(observations), count):
        observer.observe(observations[index])


def observer_with_reference(observations: Sequence[Observation]) -> QualityObserver:
    """An observer whose reference was captured from a draw of `observations`, and whose window has its end."""
    observer = make_observer()
    observer.capture(REFERENCE, "traffic")
    replay(observations, REFERENCE, 0, observer)
    for tracker in observer.trackers.values():
        if tracker.observations:
            assert tracker.capture is not None
            tracker.reference, tracker.capture = tracker.capture.reference(), None
    return observer


def find_major_drift(report: QualityReport) -> dict[str, float]:
    """Major drift by name, "subject.signal" or "subject.embedding", with its figure."""
    found: dict[str, float] = {}
    for subject in report.subjects:
        for one in subject.signals:
            if one.level == "major" and one.psi is not None:
                found[f"{subject.subject}.{one.signal}"] = one.psi
        if subject.embedding and subject.embedding.level == "major" and subject.embedding.distance is not None:
            found[f"{subject.subject}.embedding"] = subject.embedding.distance
    return found
