"""Signal "objects": scores categories of things by summing the encoder's classes, as objects.toml maps them.

Categories of things that detectors find are scored as well where the policy looks at them: see `DetectedThings`.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from models.arrays import softmax
from models.labels import LabelSet
from pipelines.captioning.encoder import ImageEncoder
from pipelines.image.decode import Picture
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.detected_things import DetectedThings
from pipelines.moderation.signals.signal import ScoreNames
from pipelines.moderation.types import Evidence, SignalResult
from pipelines.run_context import RunContext, model_used
from pipelines.types import ModelUsed

MAPPING = Path(__file__).with_name("objects.toml")
SHOWN_SCORE = 0.05  # the probability from which on a class is evidence


@dataclass(frozen=True)
class ObjectsSignal:
    encoder: ImageEncoder
    things: DetectedThings | None = None
    mapping: bytes = field(default_factory=MAPPING.read_bytes, repr=False)
    name: ClassVar[str] = "objects"

    @classmethod
    def score_names(cls) -> ScoreNames:
        return (*_read_mapping(MAPPING.read_bytes()), *read_detected())

    @property
    def models(self) -> list[ModelUsed]:
        return [self.encoder.used]

    @property
    def shorter_side(self) -> int | None:
        return self.encoder.shorter_side

    async def read(self, picture: Picture, context: RunContext) -> SignalResult:
        """A score for each category of the mapping: the summed probability of its classes.

        The signal's own score is the highest of these.
        """
        inference = await self.encoder.infer_picture(picture, context)
        decision = self.encoder.manifest.decision
        scores = softmax(inference.outputs["logits"], temperature=decision.temperature if decision else 1.0)
        sums = {category: min(float(scores[classes].sum()), 1.0) for category, classes in self._classes.items()}
        evidence = [
            Evidence(what=self.encoder.labels.labels[index].name, score=round(float(scores[index]), 6), detail=category)
            for category, classes in self._classes.items()
            for index in classes
            if scores[index] >= SHOWN_SCORE
        ]
        result = SignalResult.of(
            sums,
            evidence,
            detector=self.encoder.manifest.id,
            version=self._make_version(model_used(inference, self.encoder.used)),
        )
        if self.things is None or not looks_for_things(await self.things.policy()):
            return result
        return _add_things(result, *await self.things.score(picture, context), version=self.things.version)

    @cached_property
    def _classes(self) -> Mapping[str, NDArray[np.intp]]:
        return map_classes(self.mapping, self.encoder.labels)

    @cached_property
    def _mapping_sha256(self) -> str:
        return hashlib.sha256(self.mapping).hexdigest()

    def _make_version(self, model: ModelUsed) -> str:
        return f"{model.version}-{model.sha256[:12]}-{self._mapping_sha256[:12]}"


def _add_things(
    result: SignalResult, scores: Mapping[str, float], evidence: list[Evidence], *, version: str
) -> SignalResult:
    rounded = {name: round(score, 6) for name, score in scores.items()}
    return result.model_copy(
        update={
            "scores": result.scores | rounded,
            "evidence": result.evidence + evidence,
            "version": f"{result.version}-{version}",
        }
    )


def map_classes(mapping: bytes, labels: LabelSet) -> dict[str, NDArray[np.intp]]:
    """Each category's classes as indices into the logits; raises ValueError for a class that `labels` does not have."""
    index = {label.wnid: label.index for label in labels.labels}
    categories = _read_mapping(mapping)
    unknown = [wnid for classes in categories.values() for wnid in classes if wnid not in index]
    if unknown:
        raise ValueError(f"objects.toml names classes that the encoder does not have: {', '.join(unknown)}")
    return {name: np.array([index[wnid] for wnid in classes]) for name, classes in categories.items()}


def _read_mapping(mapping: bytes) -> dict[str, dict[str, str]]:
    """Names of classes by WordNet id, by category."""
    return {name: classes for name, classes in tomllib.loads(mapping.decode()).items() if name != "detected"}


@cache
def read_detected() -> dict[str, tuple[str, ...]]:
    """Labels of detectors by category, of objects.toml."""
    tables = tomllib.loads(MAPPING.read_text("utf-8"))
    return {name: tuple(labels) for name, labels in tables["detected"].items()}


def looks_for_things(policy: Policy) -> bool:
    """Whether a rule of any tenant needs a detection."""
    return not policy.used_scores.isdisjoint(f"{ObjectsSignal.name}.{category}" for category in read_detected())
