"""A subject without a model, random observations of it, and observations of the engine made by hand."""

from typing import Any

import numpy as np
from PIL import Image

from pipelines.findings import Findings, Observation
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.types import ImageInfo
from service.monitoring.quality.signals import MARGIN
from service.monitoring.quality.subjects import DriftSubject
from service.monitoring.quality.tracker import DriftTracker
from service.monitoring.quality.windows import DIMENSIONS
from tests.pipelines.images import encode

WINDOW = 500
PICTURE = decode(encode(Image.new("RGB", (300, 200), (51, 51, 51)), "PNG"), limits=ImageLimits())
WHITE = decode(encode(Image.new("RGB", (300, 200), "white"), "PNG"), limits=ImageLimits())


def make_subject(fingerprint: str = "a" * 64) -> DriftSubject:
    return DriftSubject("made-up", fingerprint, (MARGIN,), has_embedding=True)


def observe_random(tracker: DriftTracker, count: int, *, mean: float = 0.5, seed: int = 0) -> None:
    """Add `count` random margins and embeddings around `mean`."""
    random = np.random.default_rng(seed)
    for value in random.normal(mean, 0.1, count):
        tracker.add({MARGIN.name: MARGIN.bin_of(value)}, random.normal(mean, 1, DIMENSIONS))


def make_observation(picture: Picture = PICTURE, *, logits: np.ndarray | None = None, **results: Any) -> Observation:
    image = ImageInfo(
        width=picture.width, height=picture.height, format=picture.format, mode="RGB", orientation="landscape",
        exif_orientation=1, frames=1, has_alpha=False, bytes=len(picture.data), sha256=picture.sha256,
    )  # fmt: skip
    findings = Findings(result_id="res_1", image=image, prompt="", models=[], timings={}, results=results)
    encoded = None if logits is None else {"logits": logits, "embedding": np.ones(1280, np.float32)}
    return Observation(findings, picture, encoded, [], "interactive")
