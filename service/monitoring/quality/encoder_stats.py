"""What an encoder's outputs say of one answer: how sure it is, of what, and where the picture lies among others."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from models.runtime.session import Array
from pipelines.captioning.encoder import Encoder
from pipelines.captioning.pipeline import MENTIONED, softmax
from service.monitoring.quality.distances import Vector
from service.monitoring.quality.windows import projected


@dataclass(frozen=True, slots=True)
class Encoded:
    """`entropy` is 1 when all classes are equal, `margin` the best probability less the next one.

    `group` is the place of the best class's group among the label set's; `tags` counts classes that a prompt names.
    """

    confidence: float
    entropy: float
    margin: float
    group: int
    tags: int
    vector: Vector

    @classmethod
    def of(cls, outputs: Mapping[str, Array], encoder: Encoder) -> "Encoded":
        decision = encoder.manifest.decision
        scores = softmax(outputs["logits"], temperature=decision.temperature if decision else 1.0)
        second, first = np.partition(scores, -2)[-2:].tolist()
        return cls(
            confidence=first,
            entropy=_entropy(scores),
            margin=first - second,
            group=int(encoder.labels.group_of[scores.argmax()]),
            tags=int((scores >= MENTIONED).sum()),
            vector=projected(outputs["embedding"]),
        )


def _entropy(scores: NDArray[np.float32]) -> float:
    """Shannon's, over that of as many equal probabilities."""
    return min(1.0, max(0.0, -float(scores @ np.log(scores + np.float32(1e-30))) / log(len(scores))))
