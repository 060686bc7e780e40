"""Streams of pictures through the real encoder and an observer, with a failure planted where a test wants one.

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

from models.inference import Inference
from models.labels import label_set
from models.registry import Catalog
from models.runtime.session import Array, Session
from models.store.store import Store
from pipelines.captioning.encoder import Encoder
from pipelines.captioning.pipeline import Captioning, FeaturesOptions
from pipelines.cpu_pool import CpuPool
from pipelines.engine import Engine
from pipelines.findings import Observation
from pipelines.image.decode import Limits
from pipelines.types import ModelUsed
from service.monitoring.quality import signals
from service.monitoring.quality.metrics import Instruments
from service.monitoring.quality.observer import Quality
from service.monitoring.quality.report import QualityReport
from service.monitoring.quality.subjects import Subject, Subjects
from service.settings import Settings
from tests.pipelines.fakes import Answers, Asked
from tests.pipelines.images import encode, photograph

MANIFEST = Catalog.load().get("efficientnet-lite0")
USED = ModelUsed(id=MANIFEST.id, version=MANIFEST.version, sha256="0" * 64)
LABELS = label_set("imagenet-1k")
PHOTOGRAPHS = (
    "astronaut", "cat", "coffee", "rocket", "hubble_deep_field", "retina", "immunohistochemistry", "colorwheel",
    "camera", "coins", "page", "brick",
)  # fmt: skip
CROPS = 6  # of each photograph
REFERENCE, WINDOW = 1000, 500

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels], Pixels]


def unchanged(tensor: Pixels) -> Pixels:
    return tensor


@dataclass(frozen=True)
class GraphInfer(Answers):
    """`Runtime.infer` on a session of its own: `change` is made to each tensor before it."""

    session: Session
    change: Change

    async def answer(self, asked: Asked) -> Inference:
        feeds = {name: np.ascontiguousarray(self.change(tensor))[None] for name, tensor in asked.inputs.items()}
        outputs = {name: rows[0] for name, rows in self.session.run(feeds).items()}
        return Inference(outputs, wait_seconds=0.0, run_seconds=0.0, batch_size=1)


async def no_inference(model: str, inputs: Mapping[str, Array], **how: object) -> Inference:
    raise AssertionError("an observer asked for an inference")


# For its manifest and labels.
SILENT = Encoder(MANIFEST, USED, LABELS, no_inference, CpuPool(threads=1))


def graph() -> Path:
    return Store(Settings().store.expanduser()).graph(MANIFEST)


@cache
def crops(name: str, light: float = 1.0) -> tuple[bytes, ...]:
    """Of one photograph, at random places, some of them mirrored, each a little lighter or darker; times `light`."""
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


def answered(
    names: Sequence[str] = PHOTOGRAPHS,
    *,
    light: float = 1.0,
    change: Change = unchanged,
    crop: float = MANIFEST.input.crop,
    path: Path | None = None,
) -> list[Observation]:
    """What an observer hears of all crops: `crop` is the manifest's constant, `path` another graph."""
    manifest = MANIFEST.model_copy(update={"input": MANIFEST.input.model_copy(update={"crop": crop})})
    session = Session(path or graph(), device="cpu", threads=2)
    pool, heard = CpuPool(threads=2), list[Observation]()

    async def look() -> None:
        encoder = Encoder(manifest, USED, LABELS, GraphInfer(session, change), pool)
        engine = Engine([Captioning(encoder, pool)], pool=pool, limits=Limits())
        engine.add_observer(heard.append)
        for image in (image for name in names for image in crops(name, light)):
            await engine.run(image, {"features": FeaturesOptions(embedding="none")})

    asyncio.run(look())
    pool.close()
    return heard


def quality(registry: CollectorRegistry | None = None) -> Quality:
    """An observer that has heard nothing yet, of the encoder and the pictures."""
    of_encoder = (signals.CONFIDENCE, signals.ENTROPY, signals.MARGIN, signals.groups(LABELS.groups))
    of_images = (signals.BRIGHTNESS, signals.SHARPNESS, signals.PIXELS, signals.BYTES)
    subjects = Subjects(
        images=Subject("images", "", of_images),
        encoder=Subject(USED.id, USED.sha256, of_encoder, has_embedding=True),
        nsfw=Subject("nsfw", "1", (signals.NSFW,)),
        faces=Subject("faces", "1", (signals.FACES, signals.FACE)),
        text=Subject("text", "1", (signals.LINES, signals.OCR)),
        layout=Subject("layout", "1", (signals.LAYOUT,)),
    )
    return Quality(subjects, SILENT, Instruments(registry or CollectorRegistry()), WINDOW)


def heard(pool: Sequence[Observation], count: int, seed: int, observer: Quality) -> None:
    """`count` of them, drawn with replacement."""
    for place in np.random.default_rng(seed).integers(0, len(pool), count):
        observer(pool[place])


def referenced(pool: Sequence[Observation]) -> Quality:
    """An observer whose reference is traffic drawn from `pool`, and whose window holds its end."""
    observer = quality()
    observer.capture(REFERENCE, "traffic")
    heard(pool, REFERENCE, 0, observer)
    for tracker in observer.trackers.values():
        if tracker.observations:
            assert tracker.capture is not None
            tracker.reference, tracker.capture = tracker.capture.reference(), None
    return observer


def drifted(report: QualityReport) -> dict[str, float]:
    """What is major: "subject.signal" or "subject.embedding", and its figure."""
    found: dict[str, float] = {}
    for subject in report.subjects:
        for one in subject.signals:
            if one.level == "major" and one.psi is not None:
                found[f"{subject.subject}.{one.signal}"] = one.psi
        if subject.embedding and subject.embedding.level == "major" and subject.embedding.distance is not None:
            found[f"{subject.subject}.embedding"] = subject.embedding.distance
    return found
