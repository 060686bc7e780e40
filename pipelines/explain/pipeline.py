"""Pipeline "explain": shows which places of the picture support the encoder's tags, or a class named by the caller."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.arrays import Array, softmax
from models.concurrency import gather_or_cancel
from pipelines.captioning.encoder import ImageEncoder
from pipelines.errors import RequestRejected
from pipelines.explain.cam import LogitTarget
from pipelines.explain.explainer import Explainer, ExplainerCache
from pipelines.explain.options import ExplainOptions
from pipelines.explain.types import ExplainedTag, ExplainResult
from pipelines.image.decode import Picture
from pipelines.image.preprocess import central_square
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed, Tag


@dataclass(frozen=True)
class ExplainPipeline:
    encoder: ImageEncoder
    explainers: ExplainerCache
    name: str = "explain"

    def models(self, options: ExplainOptions) -> list[ModelUsed]:
        return [self.encoder.used]

    def shorter_side(self, options: ExplainOptions) -> int:
        return self.encoder.shorter_side

    async def run(self, picture: Picture, options: ExplainOptions, context: RunContext) -> ExplainResult:
        """Raises ExplanationUnavailable, and RequestRejected for a class that the encoder does not know."""
        requested = self._find_requested_class(options)
        inference = await self.encoder.infer_picture(picture, context)
        explainer, outputs = await self.explainers.get(inference.model_info), inference.outputs
        with context.stage("postprocess"):
            tags = self._choose_tags(outputs, requested, options.top_k)
            explained = await gather_or_cancel(
                *(self._explain_tag(explainer, tag, outputs, picture, options) for tag in tags)
            )
        return ExplainResult(explanations=explained)

    def _find_requested_class(self, options: ExplainOptions) -> int | None:
        labels = self.encoder.labels.labels
        if options.wnid is not None:
            found = next((label.index for label in labels if label.wnid == options.wnid), None)
            if found is None:
                raise RequestRejected(f"wnid: {self.encoder.used.id!r} knows no class {options.wnid!r}")
            return found
        if options.index is not None and options.index >= len(labels):
            raise RequestRejected(f"index: {self.encoder.used.id!r} has classes 0 to {len(labels) - 1}")
        return options.index

    def _choose_tags(self, outputs: Mapping[str, Array], requested: int | None, top_k: int) -> list[Tag]:
        decision = self.encoder.manifest.decision
        scores = softmax(outputs["logits"], temperature=decision.temperature if decision else 1.0)
        best = np.argsort(scores)[::-1][:top_k] if requested is None else [requested]
        return [self.encoder.tag(int(index), float(scores[index])) for index in best]

    async def _explain_tag(
        self, explainer: Explainer, tag: Tag, outputs: Mapping[str, Array], picture: Picture, options: ExplainOptions
    ) -> ExplainedTag:
        region = central_square(*picture.pixels.size, self.encoder.manifest.input.crop)
        explanation = await explainer.explain(outputs, picture, region, LogitTarget(tag.index), draw=options.overlay)
        return ExplainedTag.model_construct(**dict(tag), **dict(explanation))

    def describe(self, result: ExplainResult, context: PromptContext) -> str:
        return "\n".join(
            f"What speaks for {one.label} ({one.score:.2f}) is strongest around x {x:.0f}, y {y:.0f}."
            for one in result.explanations
            for x, y in [one.strongest]
        )
