"""A custom category: a calibrated linear head on the encoder's embedding, in a JSON file that says all about itself.

embedding ─► unit length ─► root ─► unit length ─► weights, bias ─► logit ─► slope, offset ─► sigmoid ─► 0-1
"""

import hashlib
import re
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import Field, StringConstraints, model_validator

from pipelines.moderation.errors import CategoryNameInvalid, HeadMismatch
from pipelines.types import ModelUsed, Wire

# No dots, as in model ids: a policy's rule names 'custom.NAME'.
_NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
CategoryName = Annotated[str, StringConstraints(pattern=_NAME)]

Share = Annotated[float, Field(ge=0, le=1)]


class AtThreshold(Wire):
    """How a head does when it says yes from `threshold` on; on images that it was not trained on."""

    threshold: Share
    precision: Share | None = Field(description="none where nothing reaches the threshold")
    recall: Share
    f1: Share
    false_positive_rate: Share = Field(description="share of the negatives that reach the threshold")


class Report(Wire):
    """Cross-validated: each image was scored by heads that had seen neither it nor a near-duplicate of it."""

    roc_auc: Share
    roc_auc_interval: tuple[Share, Share] = Field(description="95 %")
    average_precision: Share
    thresholds: list[AtThreshold]
    review_threshold: Share | None = Field(description="recall of .95 or more; none where no threshold has it")
    block_threshold: Share | None = Field(description="precision of .95 or more from here on; none where it is not had")
    folds: int
    repeats: int
    warnings: list[str]


class TrainingSet(Wire):
    """How many images; near-duplicates count once in `distinct_…`."""

    positives: int
    negatives: int
    distinct_positives: int
    distinct_negatives: int


class HeadFacts(Wire):
    """Everything about a head but its numbers."""

    name: CategoryName
    version: str = Field(description="hash of the content: the same images and encoder give the same one")
    encoder: ModelUsed
    training: TrainingSet
    report: Report
    created: datetime
    kernelsight: str


class Head(HeadFacts):
    """Scores embeddings of `encoder` and of no other: see `check`."""

    dimension: int = Field(ge=1)
    weights: tuple[float, ...]
    bias: float
    slope: float = Field(gt=0)
    offset: float

    @classmethod
    def of(cls, **content: Any) -> "Head":
        """A head whose version is made from its content."""
        return cls(version=_version(cls.model_construct(**content)), **content)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if len(self.weights) != self.dimension:
            raise ValueError(f"{len(self.weights)} weights for {self.dimension} dimensions")
        if self.version != _version(self):
            raise ValueError(f"the content is not that of version {self.version!r}: it was damaged or edited")
        return self

    @property
    def facts(self) -> HeadFacts:
        return HeadFacts.model_construct(**{name: getattr(self, name) for name in HeadFacts.model_fields})

    def check(self, encoder: ModelUsed) -> None:
        """Raises HeadMismatch where `encoder` is not, to the bit, the one that the head was trained on."""
        if encoder.sha256 != self.encoder.sha256:
            raise HeadMismatch(self.name, self.encoder, encoder)

    def score(self, embedding: NDArray[np.floating[Any]]) -> float:
        """The probability that an image belongs to the category, of its embedding (C,) of any length."""
        logit = float(flattened(embedding) @ self._weights) + self.bias
        return float(sigmoid(np.float64(self.slope * logit + self.offset)))

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        return np.asarray(self.weights)


def check_name(name: str) -> None:
    """Raises CategoryNameInvalid."""
    if not re.fullmatch(_NAME, name):
        raise CategoryNameInvalid(name)


def unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Of unit length along the last axis."""
    exact = np.asarray(vectors, np.float64)
    lengths: NDArray[np.float64] = np.linalg.norm(exact, axis=-1, keepdims=True)
    return exact / np.maximum(lengths, 1e-12)


def flattened(embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """What heads look at: the signed root of the unit vector, again of unit length.

    Pooled activations are a few large values and many small ones; the root lets the small ones have a say
    (power normalisation: Perronnin, Sánchez and Mensink, ECCV 2010). Few images make better heads of it.
    """
    direction = unit(embeddings)
    return unit(np.sign(direction) * np.sqrt(np.abs(direction)))


def sigmoid(logits: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(np.asarray(logits) / 2)))


def _version(head: Head) -> str:
    content = head.model_dump(mode="json", exclude={"version", "created", "kernelsight"})
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
