"""Pipeline "explain": what in the picture speaks for the encoder's tags, or for a class that the caller names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models.concurrency import gather_or_cancel
from models.runtime.session import Array
from pipelines.captioning.encoder import Encoder
from pipelines.captioning.pipeline import softmax
from pipelines.errors import RequestRejected
from pipelines.explain.cam import Question
from pipelines.explain.explainer import Explainer, Explainers, Explanation
from pipelines.image.decode import Picture
from pipelines.image.preprocess import central_square
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed, Tag, Wire


class ExplainOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    top_k: int = Field(default=1, ge=1, le=10, description="explain so many tags, the best scores")
    wnid: Annotated[str, StringConstraints(pattern=r"^n\d{8}$")] | None = Field(
        default=None, description="explain this class instead, by its WordNet id as in a tag"
    )
    index: int | None = Field(default=None, ge=0, description="or by its index as in a tag")
    overlay: bool = Field(default=True, description="add the picture with its evidence, a PNG as base64")

    @model_validator(mode="after")
    def _names_one_class_at_most(self) -> Self:
        if self.wnid is not None and self.index is not None:
            raise ValueError("give either wnid or index")
        return self


class ExplainedTag(Explanation, Tag):
    """A tag beside what speaks for it."""


class Explained(Wire):
    """The best score first."""

    explanations: list[ExplainedTag]


@dataclass(frozen=True)
class Explain:
    encoder: Encoder
    explainers: Explainers
    name: str = "explain"

    def models(self, options: ExplainOptions) -> list[ModelUsed]:
        return [self.encoder.used]

    def shorter_side(self, options: ExplainOptions) -> int:
        return self.encoder.shorter_side

    async def run(self, picture: Picture, options: ExplainOptions, context: RunContext) -> Explained:
        """Raises ExplanationUnavailable, and RequestRejected for a class that the encoder does not know."""
        named = self._named(options)
        answer = await self.encoder.infer_on(picture, context)
        explainer, outputs = await self.explainers.of(answer.served), answer.outputs
        with context.stage("postprocess"):
            tags = self._tags(outputs, named, options.top_k)
            explained = await gather_or_cancel(
                *(self._explained(explainer, tag, outputs, picture, options) for tag in tags)
            )
        return Explained(explanations=explained)

    def _named(self, options: ExplainOptions) -> int | None:
        labels = self.encoder.labels.labels
        if options.wnid is not None:
            found = next((label.index for label in labels if label.wnid == options.wnid), None)
            if found is None:
                raise RequestRejected(f"wnid: {self.encoder.used.id!r} knows no class {options.wnid!r}")
            return found
        if options.index is not None and options.index >= len(labels):
            raise RequestRejected(f"index: {self.encoder.used.id!r} has classes 0 to {len(labels) - 1}")
        return options.index

    def _tags(self, outputs: Mapping[str, Array], named: int | None, top_k: int) -> list[Tag]:
        decision = self.encoder.manifest.decision
        scores = softmax(outputs["logits"], temperature=decision.temperature if decision else 1.0)
        best = np.argsort(scores)[::-1][:top_k] if named is None else [named]
        return [self.encoder.tag(int(index), float(scores[index])) for index in best]

    async def _explained(
        self, explainer: Explainer, tag: Tag, outputs: Mapping[str, Array], picture: Picture, options: ExplainOptions
    ) -> ExplainedTag:
        seen = central_square(*picture.pixels.size, self.encoder.manifest.input.crop)
        found = await explainer.explain(outputs, picture, seen, Question(tag.index), draw=options.overlay)
        return ExplainedTag.model_construct(**dict(tag), **dict(found))

    def brief(self, result: Explained) -> str:
        return "\n".join(
            f"What speaks for {one.label} ({one.score:.2f}) is strongest around x {x:.0f}, y {y:.0f}."
            for one in result.explanations
            for x, y in [one.strongest]
        )
