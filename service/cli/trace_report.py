"""Loads the trace of one result and prints it for people."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from pipelines.types import ImageInfo
from service.cli.moderate import VERDICT_COLOURS
from service.components import open_catalog, open_store
from service.monitoring.audit.factory import open_event_logs
from service.monitoring.audit.observer import find_record
from service.monitoring.audit.provenance import ModelOrigin, find_origin
from service.monitoring.audit.record import AuditRecord, RecordedDecision, RecordedSpan
from service.monitoring.feedback.aggregator import find_judgements
from service.monitoring.feedback.types import Judgement, LabelCounts
from service.settings import Settings

_BAR_WIDTH = 30
_SHORT_SHA256 = 12  # digits

out = Console(highlight=False, soft_wrap=True)


class Trace(BaseModel):
    """A result's audit record, where its models came from, and the feedback on it: the output of `--json`."""

    record: AuditRecord
    models: list[ModelOrigin]
    feedback: list[Judgement]


async def load_trace(settings: Settings, result_id: str) -> Trace:
    """Raises AuditOff, ResultUnknown, or what the event logs raise."""
    async with open_event_logs(settings) as event_logs:
        record = await find_record(event_logs.audit, result_id)
        feedback = await find_judgements(event_logs.feedback, result_id)
    catalog, store = open_catalog(settings), open_store(settings)
    models = [find_origin(used, catalog, store) for used in record.models]
    return Trace(record=record, models=models, feedback=feedback)


def print_trace(trace: Trace) -> None:
    record = trace.record
    when = datetime.fromtimestamp(record.at, UTC)
    out.print(f"[bold]{record.result_id}[/]  {when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03d} UTC")
    out.print(_format_row("asked", _describe_request(record)))
    out.print(_format_row("answered", [", ".join(record.pipelines)]))
    if record.withheld:
        out.print(_format_row("withheld", [", ".join(record.withheld)]))
    if record.image is not None:
        out.print(_format_row("image", _describe_image(record.image)))
    if record.characters is not None:
        out.print(_format_row("text", [f"{record.characters} characters"]))
    _print_stages(record.stages)
    for model in trace.models:
        out.print(_format_row("model", _describe_model(model)))
    if record.moderation is not None:
        _print_decision(record.moderation)
    _print_findings(record)
    for one in trace.feedback:
        out.print(_format_row("feedback", _describe_feedback(one)))


def _print_stages(stages: list[RecordedSpan]) -> None:
    whole = max((one.ended for one in stages), default=0.0) or 1.0
    table = Table("stage", "", "ms", "times", box=None)
    for one in stages:
        before, until = (round(place / whole * _BAR_WIDTH) for place in (one.began, one.ended))
        bar = " " * min(before, _BAR_WIDTH - 1) + "█" * max(until - before, 1)
        table.add_row(one.name, bar, f"{one.seconds * 1e3:.1f}", str(one.times) if one.times > 1 else "")
    out.print(table)


def _print_decision(decision: RecordedDecision) -> None:
    verdict = f"[{VERDICT_COLOURS[decision.verdict]}]{decision.verdict}[/]"
    policy = f"policy {decision.policy} {decision.policy_version} ({decision.policy_sha256[:_SHORT_SHA256]})"
    out.print(
        _format_row(
            "verdict", [verdict, f"severity {decision.severity}", policy, decision.tenant and f"for {decision.tenant}"]
        )
    )
    if decision.rules:
        table = Table("rule", "verdict", "signal", "score", "from", box=None)
        for rule in decision.rules:
            table.add_row(rule.rule, rule.verdict, rule.signal, f"{rule.score:.3f}", f"{rule.threshold:g}")
        out.print(table)
    for name, signal in decision.signals.items():
        scores = (f"{thing} {score:.3f}" for thing, score in signal.scores.items())
        wrong = f"could not judge: {signal.error}" if signal.error else None
        out.print(_format_row(f"signal {name}", [f"{signal.detector} {signal.version}", *scores, wrong]))


def _print_findings(record: AuditRecord) -> None:
    if record.features is not None:
        out.print(_format_row("tags", (f"{one.label} {one.score:.3f}" for one in record.features.tags)))
        out.print(_format_row("groups", (f"{one.group} {one.score:.3f}" for one in record.features.groups)))
    if (faces := record.faces) is not None:
        best = f"best {faces.best_score:.3f}" if faces.best_score is not None else None
        out.print(_format_row("faces", [str(faces.count), f"of {faces.candidates} candidates", best, faces.detector]))
    if (objects := record.objects) is not None:
        best = f"best {objects.best_score:.3f}" if objects.best_score is not None else None
        counts = [f"{label} {count}" for label, count in objects.counts.items()]
        out.print(_format_row("objects", [*counts, f"{objects.listed} listed", best, objects.detector]))
    if (text := record.text) is not None:
        unread = f"{text.unread_lines} not read" if text.unread_lines else None
        out.print(_format_row("text", [f"{text.lines} lines", unread, _describe_confidence(text.confidence)]))
    if (document := record.document) is not None:
        sure = _describe_confidence(document.confidence)
        pages = f"{document.pages} of {document.page_count} pages"
        out.print(_format_row("document", [pages, f"{document.failed} failed", f"{document.lines} lines", sure]))


def _describe_confidence(confidence: float | None) -> str | None:
    return f"OCR confidence {confidence:.3f}" if confidence is not None else None


def _describe_request(record: AuditRecord) -> list[str | None]:
    names = {"request": record.request_id, "trace": record.trace_id, "job": record.job_id, "key": record.key}
    ids = [f"{name} {id}" for name, id in names.items() if id]
    return [record.operation, *ids, record.priority]


def _describe_image(image: ImageInfo) -> list[str | None]:
    frames = f"{image.frames} frames" if image.frames > 1 else None
    size = f"{image.width} x {image.height}"
    return [image.format, image.mode, size, frames, f"{image.bytes:,} bytes", f"sha256 {image.sha256[:_SHORT_SHA256]}"]


def _describe_model(model: ModelOrigin) -> list[str | None]:
    origin = "; ".join(f"{name} from {source}" for name, source in model.sources.items() if source != "export")
    parts = [f"{model.id} {model.version}", f"sha256 {model.sha256[:_SHORT_SHA256]}", origin or "not in the store now"]
    if model.parity is None:
        return [*parts]
    return [*parts, f"exported within {model.parity.max_difference:.1e} on {model.parity.images} photographs"]


def _describe_feedback(one: Judgement) -> list[str | None]:
    when = datetime.fromtimestamp(one.at, UTC)
    expected = f"expected {_join_labels(one.expected)}" if one.verdict == "wrong" and one.expected else None
    return [f"{when:%Y-%m-%d %H:%M:%S} UTC", one.pipeline, one.verdict, f"said {_join_labels(one.said)}", expected]


def _join_labels(labels: LabelCounts) -> str:
    return " + ".join(f"{count} {name}" if count > 1 else name for name, count in labels.items())


def _format_row(name: str, parts: Iterable[str | None]) -> str:
    return f"[bold]{name:<9}[/] {', '.join(part for part in parts if part)}"
