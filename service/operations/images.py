"""The operations over one image: each pipeline of its own, and analyze for several at once."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from pipelines.captioning.options import FeaturesOptions
from pipelines.documents.pages import has_pages
from pipelines.errors import RequestRejected
from pipelines.explain.options import ExplainOptions
from pipelines.explain.spec import EXPLAIN
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.faces.spec import AVATAR
from pipelines.image.sanitize_types import SanitizeOptions
from pipelines.image.spec import SANITIZE
from pipelines.moderation.options import ModerationOptions
from pipelines.objects.options import ObjectsOptions
from pipelines.prompt import PromptStyle
from pipelines.registry import ANALYSES, DEFAULT_ANALYSES, PIPELINES
from service.components import Components
from service.errors import CaptionerOff
from service.keys.scopes import Scope
from service.operations.captions import add_caption
from service.operations.default_analysis import read_document
from service.operations.field_errors import parse_fields
from service.operations.operation import (
    ExecutionLimits,
    OperationReply,
    OperationRequest,
    fetch_image,
    origin_headers,
    run_engine,
)
from service.operations.policy_tenant import apply_key_tenant
from service.operations.schemas import AnalyzeReply, ExplainReply, FacesReply, FeaturesReply, ObjectsReply
from service.telemetry.request_context import current_sender


class ExplainQuery(ExplainOptions):
    format: Literal["json", "png"] = Field(default="json", description="png: the first overlay as image/png")

    @property
    def options(self) -> ExplainOptions:
        given = self.model_dump(exclude={"format"})
        return ExplainOptions.model_validate(given | {"overlay": True} if self.format == "png" else given)


async def run_features(
    components: Components, request: OperationRequest, options: FeaturesOptions, limits: ExecutionLimits
) -> OperationReply:
    return OperationReply.of(
        FeaturesReply.of(await run_engine(components, request.image, {"features": options}, limits))
    )


async def run_faces(
    components: Components, request: OperationRequest, options: FacesOptions, limits: ExecutionLimits
) -> OperationReply:
    return OperationReply.of(FacesReply.of(await run_engine(components, request.image, {"faces": options}, limits)))


async def run_objects(
    components: Components, request: OperationRequest, options: ObjectsOptions, limits: ExecutionLimits
) -> OperationReply:
    return OperationReply.of(ObjectsReply.of(await run_engine(components, request.image, {"objects": options}, limits)))


async def run_avatars(
    components: Components, request: OperationRequest, options: AvatarOptions, limits: ExecutionLimits
) -> OperationReply:
    findings = await run_engine(components, request.image, {"avatar": options}, limits)
    avatar = findings.of(AVATAR)
    headers = origin_headers(findings) | {
        "X-KernelSight-Face": str(avatar.index),
        "X-KernelSight-Face-Box": ",".join(map(str, avatar.face.box)),
    }
    return OperationReply(avatar.data, avatar.media_type, headers)


async def run_explain(
    components: Components, request: OperationRequest, query: ExplainQuery, limits: ExecutionLimits
) -> OperationReply:
    findings = await run_engine(components, request.image, {"explain": query.options}, limits)
    if query.format == "json":
        return OperationReply.of(ExplainReply.of(findings))
    overlay = findings.of(EXPLAIN).explanations[0].overlay
    assert overlay is not None
    return OperationReply(overlay, "image/png", origin_headers(findings))


async def run_sanitize(
    components: Components, request: OperationRequest, options: SanitizeOptions, limits: ExecutionLimits
) -> OperationReply:
    findings = await run_engine(components, request.image, {"sanitize": options}, limits)
    sanitized = findings.of(SANITIZE)
    headers = origin_headers(findings) | {"X-KernelSight-Frames": str(sanitized.frames)}
    return OperationReply(sanitized.data, sanitized.media_type, headers)


class AnalyzeQuery(BaseModel):
    """The query of `analyze`, beside the pipelines' own options."""

    pipelines: str | None = Field(
        default=None, description=f"comma-separated; by default {', '.join(DEFAULT_ANALYSES)}"
    )
    gate: bool = Field(default=True, description="moderation first; what it blocks is withheld from the others")
    describe: bool = Field(default=False, description="let the captioner describe an image that moderation allows")
    text: Literal["auto", "off", "full"] = Field(
        default="auto",
        description="auto: text that is found at low resolution is read, within a budget, and a PDF without being "
        "asked for; full: all of it",
    )
    prompt_style: PromptStyle = Field(default="short", description="full: with format, focus, exposure and colours")


@dataclass(frozen=True, slots=True)
class AnalyzeInputs:
    """`is_named`: the request names its pipelines, so these are not the default ones."""

    options: Mapping[str, BaseModel]  # by pipeline
    query: AnalyzeQuery
    is_named: bool

    @classmethod
    def of(cls, request: OperationRequest) -> "AnalyzeInputs":
        """Raises RequestRejected."""
        fields = dict(request.fields)
        named = fields.pop("pipelines", None)
        given: dict[str, Any] = {
            name: fields.pop(name) for name in ("gate", "describe", "prompt_style") if name in fields
        }
        given |= _pop_text_mode(fields)
        query = parse_fields(AnalyzeQuery, given, where="options")
        names = _parse_pipeline_names(named or list(DEFAULT_ANALYSES), ANALYSES)
        if "text" in given:
            names = _apply_text_mode(names, fields, query.text)
        options = {
            name: parse_fields(PIPELINES[name].options, _parse_json_field(name, fields.pop(name, {})), where=name)
            for name in names
        }
        if fields:
            raise RequestRejected(f"unknown fields: {', '.join(sorted(fields))}")
        if query.describe:
            _check_moderated(options, gate=query.gate)
        return cls(options, query, is_named=bool(named))

    def required_scopes(self) -> tuple[Scope, ...]:
        return ("analyze", "documents") if "document" in self.options else ("analyze",)

    def served_options(self, served: Container[str]) -> Mapping[str, BaseModel]:
        """The options without default pipelines that are not served. Raises RequestRejected if none is left."""
        options = {name: one for name, one in self.options.items() if self.is_named or name in served}
        if not options:
            raise RequestRejected("pipelines: none of those by default is served here; name some")
        if self.query.describe:
            _check_moderated(options, gate=self.query.gate)
        return options


async def run_analyze(
    components: Components, request: OperationRequest, inputs: AnalyzeInputs, limits: ExecutionLimits
) -> OperationReply:
    data = await fetch_image(components, request.image)
    chosen, notes = await _choose_options(components, data, inputs)
    options = dict(chosen)
    if isinstance(moderation := options.get("moderation"), ModerationOptions):
        options["moderation"] = await apply_key_tenant(components, moderation)
    query = inputs.query
    if query.describe and components.captioner is None:
        raise CaptionerOff
    findings = await run_engine(components, data, options, limits, gate=query.gate, prompt_style=query.prompt_style)
    caption = None
    if query.describe and components.captioner is not None:
        findings, caption = await add_caption(components, components.captioner, data, findings, limits)
    return OperationReply.of(AnalyzeReply.of(replace(findings, notes=notes or None), caption))


def _check_moderated(options: Mapping[str, BaseModel], *, gate: bool) -> None:
    """Raises RequestRejected unless all of moderation judges the image before a captioner gets it."""
    moderation = options.get("moderation")
    if not gate or not isinstance(moderation, ModerationOptions) or moderation.signals:
        raise RequestRejected(
            "describe: what is sent has to be moderated: with the gate, and with moderation and all of its signals"
        )


async def _choose_options(
    components: Components, data: bytes, inputs: AnalyzeInputs
) -> tuple[Mapping[str, BaseModel], list[str]]:
    """Options by pipeline, and notes about what is left out."""
    options = inputs.served_options(components.engine.pipelines)
    if inputs.is_named or inputs.query.text == "off" or not await components.pool.run(has_pages, data):
        return options, []
    limits = components.settings.limits
    return read_document(
        options,
        served=components.engine.pipelines,
        is_allowed=current_sender().reads_documents,
        pages=limits.max_document_pages if inputs.query.text == "full" else limits.text_pages,
    )


def _pop_text_mode(fields: dict[str, Any]) -> dict[str, str]:
    """`text` as a word. An object, or one as JSON in a form, has the pipeline's options, as of any other pipeline."""
    value = fields.get("text")
    return {"text": fields.pop("text")} if isinstance(value, str) and not value.lstrip().startswith("{") else {}


def _apply_text_mode(names: list[str], fields: dict[str, Any], mode: str) -> list[str]:
    """The pipelines with or without `text`, whose mode goes into the `fields`; raises RequestRejected for none."""
    others = [name for name in names if name != "text"]
    if mode != "off":
        fields["text"] = {"mode": mode}
        return [*others, "text"]
    if not others:
        raise RequestRejected("text: without it there is no pipeline left")
    return others


def _parse_pipeline_names(given: Any, known: tuple[str, ...]) -> list[str]:
    """Pipelines from "a,b" or ["a", "b"], each once."""
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RequestRejected("pipelines: give names, comma-separated or as a list")
    names = list(dict.fromkeys(name.strip() for name in names))
    if unknown := [name for name in names if name not in known]:
        raise RequestRejected(f"pipelines: no {', '.join(map(repr, unknown))} here; there are: {', '.join(known)}")
    return names


def _parse_json_field(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as cause:
        raise RequestRejected(f"{name}: the form field is not JSON: {cause}") from cause
