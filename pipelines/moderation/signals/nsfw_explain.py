"""Where in a picture OpenNSFW's answer comes from: exact parts of its log-odds, which decide its score alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.runtime.session import Array
from pipelines.explain.cam import Question
from pipelines.explain.explainer import Box, Explainer, Explanation
from pipelines.image.decode import Picture

NSFW_OVER_SAFE = Question(index=1, against=0)
RESIZED = 256  # pixels: the model's preprocessing stretches to a square of this side, and keeps the middle
SEEN = 224 / RESIZED  # of each side


@dataclass(frozen=True)
class NsfwMap:
    explainer: Explainer

    async def of(
        self, outputs: Mapping[str, Array], picture: Picture, region: Box | None = None, *, draw: bool = True
    ) -> Explanation:
        """What speaks for "not safe for work"; the sigmoid of its `logit` is the score.

        `outputs` are those of one item, without batch axis; `region` is the part of `picture.pixels` that it was
        made of, by default the whole. Raises ExplanationUnavailable.
        """
        seen = _middle(region or (0, 0, *picture.pixels.size))
        return await self.explainer.explain(outputs, picture, seen, NSFW_OVER_SAFE, draw=draw)


def _middle(region: Box) -> Box:
    left, top, right, bottom = region
    across, down = (right - left) * (1 - SEEN) / 2, (bottom - top) * (1 - SEEN) / 2
    return left + across, top + down, right - across, bottom - down
