"""Statistics of one encoder answer: confidence, entropy, margin, the best class's group, and the embedding."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from models.arrays import Array, softmax
from pipelines.captioning.encoder import ImageEncoder
from service.monitoring.quality.distances import Vector
from service.monitoring.quality.windows import project_embedding

POSSIBLE = 0.1  # probability from which on a class counts as found


@dataclass(frozen=True, slots=True)
class EncoderStats:
    """`entropy` is 1 when all classes are equally likely, `margin` the best probability less the second best.

    `group` is the index of the best class's group in the label set; `tags` counts the possible classes;
    `vector` is the projected embedding.
    """

    confidence: float
    entropy: float
    margin: float
    group: int
    tags: int
    vector: Vector

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, Array], encoder: ImageEncoder) -> "EncoderStats":
        decision = encoder.manifest.decision
        scores = softmax(outputs["logits"], temperature=decision.temperature if decision else 1.0)
        second, first = np.partition(scores, -2)[-2:].tolist()
        return cls(
            confidence=first,
            entropy=_entropy(scores),
            margin=first - second,
            group=int(encoder.labels.group_of[scores.argmax()]),
            tags=int((scores >= POSSIBLE).sum()),
            vector=project_embedding(outputs["embedding"]),
        )


def _entropy(scores: NDArray[np.float32]) -> float:
    """Shannon entropy, divided by that of as many equal probabilities."""
    return min(1.0, max(0.0, -float(scores @ np.log(scores + np.float32(1e-30))) / log(len(scores))))
