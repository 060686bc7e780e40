"""The head of a custom category: a calibrated linear classifier of embeddings, stored with its report as JSON.

embedding ─► unit length ─► root ─► unit length ─► weights, bias ─► logit ─► slope, offset ─► sigmoid ─► 0-1
"""

import hashlib
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import Field, StringConstraints, model_validator

from pipelines.linear_patterns import text_is
from pipelines.moderation.errors import CategoryNameInvalid, HeadMismatch
from pipelines.types import ModelUsed, WireModel

# No dots, as in model ids: a policy's rule names 'custom.NAME'.
_NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
CategoryName = Annotated[str, StringConstraints(pattern=_NAME)]
_is_name = text_is(_NAME)

Share = Annotated[float, Field(ge=0, le=1)]


class ThresholdMetrics(WireModel):
    """Metrics of a head that says yes from `threshold` on, on images that it was not trained on."""

    threshold: Share
    precision: Share | None = Field(description="none where nothing reaches the threshold")
    recall: Share
    f1: Share
    false_positive_rate: Share = Field(description="share of the negatives that reach the threshold")


class HeadReport(WireModel):
    """Cross-validated metrics: each image was scored by heads trained without it and its near-duplicates."""

    roc_auc: Share
    roc_auc_interval: tuple[Share, Share] = Field(description="95 %")
    average_precision: Share
    thresholds: list[ThresholdMetrics]
    review_threshold: Share | None = Field(description="recall of .95 or more; none where no threshold has it")
    block_threshold: Share | None = Field(
        description="precision of .95 or more from here on; none where no threshold has it"
    )
    folds: int
    repeats: int
    warnings: list[str]


class TrainingSet(WireModel):
    """Numbers of images; near-duplicates count once in `distinct_…`."""

    positives: int
    negatives: int
    distinct_positives: int
    distinct_negatives: int


class HeadFacts(WireModel):
    """Everything about a head except its weights."""

    name: CategoryName
    version: str = Field(description="hash of the content: the same images and encoder give the same one")
    encoder: ModelUsed
    training: TrainingSet
    report: HeadReport
    created: datetime
    kernelsight: str


class Head(HeadFacts):
    """Scores embeddings of `encoder`, and of no other one: see `check_encoder`."""

    dimension: int = Field(ge=1)
    weights: tuple[float, ...]
    bias: float
    slope: float = Field(gt=0)
    offset: float

    @classmethod
    def of(cls, **content: Any) -> "Head":
        """A head whose version is a hash of its content."""
        return cls(version=_compute_version(cls.model_construct(**content)), **content)

    @model_validator(mode="after")
    def _check_content(self) -> Self:
        if len(self.weights) != self.dimension:
            raise ValueError(f"{len(self.weights)} weights for {self.dimension} dimensions")
        if self.version != _compute_version(self):
            raise ValueError(f"the content is not that of version {self.version!r}: it was damaged or edited")
        return self

    @property
    def facts(self) -> HeadFacts:
        return HeadFacts.model_construct(**{name: getattr(self, name) for name in HeadFacts.model_fields})

    def check_encoder(self, encoder: ModelUsed) -> None:
        """Raises HeadMismatch where `encoder` is not, to the bit, the one that the head was trained on."""
        if encoder.sha256 != self.encoder.sha256:
            raise HeadMismatch(self.name, self.encoder, encoder)

    def score(self, embedding: NDArray[np.floating[Any]]) -> float:
        """The probability that an image belongs to the category, from its embedding (C,) of any length."""
        logit = float(flatten_embeddings(embedding) @ self._weights) + self.bias
        return float(sigmoid(np.float64(self.slope * logit + self.offset)))

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        return np.asarray(self.weights)


def check_name(name: str) -> None:
    """Raises CategoryNameInvalid."""
    if not _is_name(name):
        raise CategoryNameInvalid(name)


def normalise_length(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The vectors at unit length along the last axis."""
    exact = np.asarray(vectors, np.float64)
    lengths: NDArray[np.float64] = np.linalg.norm(exact, axis=-1, keepdims=True)
    return exact / np.maximum(lengths, 1e-12)


def flatten_embeddings(embeddings: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The input of heads: the signed root of the unit vector, again at unit length.

    Pooled activations are a few large values and many small ones; the root gives the small ones more weight (power
    normalisation: Perronnin, Sánchez and Mensink, ECCV 2010). It makes better heads from few images.
    """
    direction = normalise_length(embeddings)
    return normalise_length(np.sign(direction) * np.sqrt(np.abs(direction)))


def sigmoid(logits: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(np.asarray(logits) / 2)))


def _compute_version(head: Head) -> str:
    content = head.model_dump(mode="json", exclude={"version", "created", "kernelsight"})
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
