"""Zero-shot tags: the operator's labels, compared with a picture in CLIP's space.

Each label is the mean of its sentences' unit vectors (section 3.1.4 of A. Radford and others, "Learning Transferable
Visual Models From Natural Language Supervision", ICML 2021). Labels and abstentions compete in one softmax.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipelines.clip.encoder import ClipEncoder, to_unit
from pipelines.clip.labels import LabelFile, ZeroShotLabel, read_labels
from pipelines.types import GroupScore, Tag

CALIBRATION = "softmax over the labels and abstentions of this service's own list; zero-shot, not calibrated"
_CHUNK = 64  # sentences that are embedded at a time

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ZeroShotClassifier:
    """`vectors` are (L + A, C): the labels', then the abstentions', of length 1."""

    labels: tuple[ZeroShotLabel, ...]
    vectors: Floats
    scale: float

    @classmethod
    async def load(cls, path: Path, clip: ClipEncoder) -> Self:
        """Embeds every sentence once; raises LabelsInvalid and what inference does."""
        file = read_labels(path)
        vectors, scale = await _embed(file, clip)
        return cls(file.labels, vectors, scale)

    @cached_property
    def thresholds(self) -> Floats:
        return np.array([label.threshold for label in self.labels], np.float32)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(label.group for label in self.labels if label.group))

    def score(self, embedding: Floats) -> Floats:
        """(L,) probabilities of the labels for a picture's unit vector; what is missing to 1 went to abstentions."""
        logits = self.scale * (self.vectors @ embedding)
        powers = np.exp(logits - logits.max())
        scores: Floats = powers[: len(self.labels)] / powers.sum()
        return scores

    def choose_tags(self, scores: Floats, *, top_k: int, min_score: float) -> list[Tag]:
        """The best labels that reach their threshold and `min_score`; none where the classifier abstains."""
        best = [int(index) for index in np.argsort(-scores, kind="stable")]
        reached = [index for index in best if scores[index] >= max(self.thresholds[index], min_score)]
        return [
            Tag(
                index=index,
                wnid="",
                label=self.labels[index].name,
                score=round(float(scores[index]), 6),
                group=self.labels[index].group,
            )
            for index in reached[:top_k]
        ]

    def sum_groups(self, scores: Floats, *, most: int, smallest: float) -> list[GroupScore]:
        """The summed probability of each group's labels, the largest first."""
        sums = {
            group: sum(float(score) for label, score in zip(self.labels, scores, strict=True) if label.group == group)
            for group in self.groups
        }
        ranked = sorted(sums.items(), key=lambda item: -item[1])
        return [
            GroupScore(group=group, score=round(min(total, 1.0), 6)) for group, total in ranked if total >= smallest
        ][:most]


async def _embed(file: LabelFile, clip: ClipEncoder) -> tuple[Floats, float]:
    sets = [label.sentences for label in file.labels] + [(sentence,) for sentence in file.abstentions]
    sentences = list(chain.from_iterable(sets))
    parts = [
        await clip.embed_texts(sentences[start : start + _CHUNK], priority="batch")
        for start in range(0, len(sentences), _CHUNK)
    ]
    return _average(np.concatenate([part.vectors for part in parts]), sets), parts[0].scale


def _average(vectors: Floats, sets: Sequence[Sequence[str]]) -> Floats:
    """The mean of each set's rows, in the order of `vectors`, of length 1 again."""
    ends = np.cumsum([len(one) for one in sets])
    return np.stack([to_unit(rows.mean(0)) for rows in np.split(vectors, ends[:-1])])
