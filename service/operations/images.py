"""What is answered about one image: features, faces, avatars, evidence, a clean copy, or several at once."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from pipelines.captioning.pipeline import FeaturesOptions
from pipelines.documents.options import DocumentsOptions
from pipelines.errors import RequestRejected
from pipelines.explain.pipeline import ExplainOptions
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.image.sanitize import SanitizeOptions
from pipelines.moderation.options import ModerationOptions
from service.components import Components
from service.operations.operation import ExecutionLimits, Reply, origin, run_engine
from service.operations.request import OperationRequest, parse_options
from service.operations.schemas import ExplainReply, FacesReply, FeaturesReply

# The pipelines that `analyze` can run, and the options that each takes from a request.
OPTIONS: dict[str, type[BaseModel]] = {
    "moderation": ModerationOptions,
    "features": FeaturesOptions,
    "faces": FacesOptions,
    "explain": ExplainOptions,
    "document": DocumentsOptions,
}
BY_DEFAULT = ("moderation", "features", "faces")


class ExplainQuery(ExplainOptions):
    format: Literal["json", "png"] = Field(default="json", description="png: the first overlay as image/png")

    @property
    def options(self) -> ExplainOptions:
        given = self.model_dump(exclude={"format"})
        return ExplainOptions.model_validate(given | {"overlay": True} if self.format == "png" else given)


async def features(
    components: Components, ask: OperationRequest, options: FeaturesOptions, terms: ExecutionLimits
) -> Reply:
    return Reply.of(FeaturesReply.of(await run_engine(components, ask.image, {"features": options}, terms)))


async def faces(components: Components, ask: OperationRequest, options: FacesOptions, terms: ExecutionLimits) -> Reply:
    return Reply.of(FacesReply.of(await run_engine(components, ask.image, {"faces": options}, terms)))


async def avatars(
    components: Components, ask: OperationRequest, options: AvatarOptions, terms: ExecutionLimits
) -> Reply:
    findings = await run_engine(components, ask.image, {"avatar": options}, terms)
    assert findings.avatar is not None
    headers = origin(findings) | {
        "X-KernelSight-Face": str(findings.avatar.index),
        "X-KernelSight-Face-Box": ",".join(map(str, findings.avatar.face.box)),
    }
    return Reply(findings.avatar.data, findings.avatar.media_type, headers)


async def explain(components: Components, ask: OperationRequest, asked: ExplainQuery, terms: ExecutionLimits) -> Reply:
    findings = await run_engine(components, ask.image, {"explain": asked.options}, terms)
    if asked.format == "json":
        return Reply.of(ExplainReply.of(findings))
    assert findings.explain is not None
    overlay = findings.explain.explanations[0].overlay
    assert overlay is not None
    return Reply(overlay, "image/png", origin(findings))


async def sanitize(
    components: Components, ask: OperationRequest, options: SanitizeOptions, terms: ExecutionLimits
) -> Reply:
    findings = await run_engine(components, ask.image, {"sanitize": options}, terms)
    assert findings.sanitize is not None
    headers = origin(findings) | {"X-KernelSight-Frames": str(findings.sanitize.frames)}
    return Reply(findings.sanitize.data, findings.sanitize.media_type, headers)


class AnalyzeQuery(BaseModel):
    """Beside the pipelines' own options."""

    pipelines: str | None = Field(default=None, description=f"comma-separated; by default {', '.join(BY_DEFAULT)}")
    gate: bool = Field(default=True, description="moderation first; what it blocks is withheld from the others")


@dataclass(frozen=True, slots=True)
class Analysis:
    """`is_named`: the pipelines were asked for, and are not just what there is by default."""

    tasks: Mapping[str, BaseModel]
    gate: bool
    is_named: bool

    @classmethod
    def of(cls, ask: OperationRequest) -> "Analysis":
        """Raises RequestRejected."""
        fields = dict(ask.fields)
        gate = parse_options(AnalyzeQuery, {"gate": fields.pop("gate", True)}, where="options").gate
        named = fields.pop("pipelines", None)
        names = _names(named or list(BY_DEFAULT), tuple(OPTIONS))
        tasks = {name: parse_options(OPTIONS[name], _object(name, fields.pop(name, {})), where=name) for name in names}
        if fields:
            raise RequestRejected(f"unknown fields: {', '.join(sorted(fields))}")
        return cls(tasks, gate, is_named=bool(named))

    def of_served(self, served: Container[str]) -> Mapping[str, BaseModel]:
        """What was not asked for by name need not be there. Raises RequestRejected when none is."""
        tasks = {name: one for name, one in self.tasks.items() if self.is_named or name in served}
        if not tasks:
            raise RequestRejected("pipelines: none of those by default is served here; name some")
        return tasks


async def analyze(components: Components, ask: OperationRequest, asked: Analysis, terms: ExecutionLimits) -> Reply:
    return Reply.of(
        await run_engine(components, ask.image, asked.of_served(components.engine.pipelines), terms, gate=asked.gate)
    )


def _names(given: Any, known: tuple[str, ...]) -> list[str]:
    """Pipelines from "a,b" or ["a", "b"], each once."""
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RequestRejected("pipelines: give names, comma-separated or as a list")
    names = list(dict.fromkeys(name.strip() for name in names))
    if unknown := [name for name in names if name not in known]:
        raise RequestRejected(f"pipelines: no {', '.join(map(repr, unknown))} here; there are: {', '.join(known)}")
    return names


def _object(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as cause:
        raise RequestRejected(f"{name}: the form field is not JSON: {cause}") from cause
