"""Explains OpenNSFW's score by the places of a picture: exact parts of its log-odds, which alone decide the score."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.arrays import Array
from pipelines.boxes import Box
from pipelines.explain.cam import LogitTarget
from pipelines.explain.explainer import Explainer
from pipelines.explain.types import Explanation
from pipelines.image.decode import Picture

NSFW_OVER_SAFE = LogitTarget(index=1, against=0)
RESIZED = 256  # pixels: the model's preprocessing stretches to a square of this side, and keeps the middle
VISIBLE_SHARE = 224 / RESIZED  # of each side


@dataclass(frozen=True)
class NsfwExplainer:
    explainer: Explainer

    async def explain(
        self, outputs: Mapping[str, Array], picture: Picture, region: Box | None = None, *, draw: bool = True
    ) -> Explanation:
        """Explain what raises the score "not safe for work", which is the sigmoid of `logit`.

        `outputs` are those of one item, without batch axis; `region` is the part of `picture.pixels` that it was
        made of, by default the whole. Raises ExplanationUnavailable.
        """
        visible = _crop_middle(region or (0, 0, *picture.pixels.size))
        return await self.explainer.explain(outputs, picture, visible, NSFW_OVER_SAFE, draw=draw)


def _crop_middle(region: Box) -> Box:
    left, top, right, bottom = region
    across, down = (right - left) * (1 - VISIBLE_SHARE) / 2, (bottom - top) * (1 - VISIBLE_SHARE) / 2
    return left + across, top + down, right - across, bottom - down
