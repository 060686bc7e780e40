"""The head that tells a picture's kind from the encoder's embedding and cheap measures of the pixels.

embedding ─► unit length ─► root ─► unit length ─► layer, ReLU, layer ─┐
measures ─► less their mean, over their spread  ─► layer, ReLU, layer ─┴► sum ─► temperature ─► softmax

The two networks are trained apart: together, the 1,280 values of the embedding would drown the measures.
benchmarks/kinds trains it and writes head.npz; docs/kinds.md is its card.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.arrays import softmax
from models.manifest import Manifest
from pipelines.types import PICTURE_KINDS, PictureKind

HEAD = Path(__file__).with_name("head.npz")

Layers = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
_NETWORKS = ("embedding_layers", "measure_layers")


@dataclass(frozen=True)
class KindHead:
    """Arrays as trained, float32; `encoder` is the sha256 of the weights of the encoder whose embeddings it knows.

    `embedding_layers` and `measure_layers` are weights (inputs, H), bias (H,), weights (H, K), bias (K,);
    `states_from` is the probability from which a kind is stated.
    """

    encoder: str
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    embedding_layers: Layers
    measure_layers: Layers
    temperature: float
    states_from: float

    @classmethod
    def read(cls, path: Path = HEAD) -> Self:
        """The head that `write` stored."""
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        layers = {name: tuple(arrays[f"{name}_{place}"].astype(np.float32) for place in range(4)) for name in _NETWORKS}
        return cls(
            encoder=arrays["encoder"].item(),
            mean=arrays["mean"],
            spread=arrays["spread"],
            temperature=arrays["temperature"].item(),
            states_from=arrays["states_from"].item(),
            **layers,
        )

    def write(self, path: Path) -> None:
        """Store, the layers in half the precision."""
        plain = {name: getattr(self, name) for name in ("encoder", "mean", "spread", "temperature", "states_from")}
        layers = {
            f"{name}_{place}": values.astype(np.float16)
            for name in _NETWORKS
            for place, values in enumerate(getattr(self, name))
        }
        np.savez_compressed(path, **plain, **layers)

    def compute_logits(self, embeddings: NDArray[np.float32], measures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, K) logits at temperature 1, from (N, C) embeddings of any length and (N, M) measures."""
        from_embeddings = run_layers(self.embedding_layers, prepare_embeddings(embeddings))
        return from_embeddings + run_layers(self.measure_layers, self.prepare_measures(measures))

    def prepare_measures(self, measures: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, M): in deviations from the training pictures' mean; no measure counts more than six."""
        return ((measures - self.mean) / self.spread).clip(-6, 6)

    def classify(self, embedding: NDArray[np.float32], measures: NDArray[np.float32]) -> PictureKind:
        """The kind of one picture, from its embedding (C,) and measures (M,)."""
        logits = self.compute_logits(embedding[None], measures[None])[0]
        scores = softmax(logits, temperature=self.temperature)
        return state_kind(dict(zip(PICTURE_KINDS, scores.tolist(), strict=True)), self.states_from)


def state_kind(scores: Mapping[str, float], states_from: float) -> PictureKind:
    """The most probable kind, stated where it is at least `states_from`."""
    best = max(PICTURE_KINDS, key=lambda name: scores[name])
    return PictureKind(
        name=best if scores[best] >= states_from else None,
        score=round(scores[best], 4),
        scores={name: round(scores[name], 4) for name in PICTURE_KINDS},
    )


def run_layers(layers: Layers, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, K) from (N, inputs): one hidden layer of ReLUs."""
    hidden_weights, hidden_bias, weights, bias = layers
    outputs: NDArray[np.float32] = np.maximum(inputs @ hidden_weights + hidden_bias, 0) @ weights + bias
    return outputs


def prepare_embeddings(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, C): the signed root of the unit vectors, at the length √C, so that values are about 1.

    Pooled activations are a few large values and many small ones; the root gives the small ones more weight (power
    normalisation: Perronnin, Sánchez and Mensink, ECCV 2010).
    """
    roots = np.sign(embeddings) * np.sqrt(np.abs(embeddings))
    lengths = np.linalg.norm(roots, axis=-1, keepdims=True)
    scaled: NDArray[np.float32] = roots / np.maximum(lengths, 1e-12) * np.float32(embeddings.shape[-1] ** 0.5)
    return scaled


@cache
def _read_head() -> KindHead:
    return KindHead.read()


def find_head(encoder: Manifest) -> KindHead | None:
    """The head for an encoder, or none where it was trained on another one's embeddings."""
    head = _read_head()
    return head if encoder.file.sha256 == head.encoder else None
