"""Adds a captioner's description to an analysis: of what moderation allows, as a clean, small copy, cross-checked.

findings ─► allowed? ─► caption of the file, or a copy ─► captioner ─► checked against the findings ─► prompt
"""

import asyncio
from dataclasses import replace

from models.errors import DeadlineExceeded, KernelSightError
from pipelines.captioner.captioner import Captioner
from pipelines.captioner.cross_check import DetectedFacts, find_doubts
from pipelines.captioner.errors import CaptionerFailed
from pipelines.captioner.prompt import describe_caption
from pipelines.captioner.types import Caption, CaptionNote, NoteReason
from pipelines.captioning.kinds.treatment import is_page
from pipelines.captioning.spec import FEATURES
from pipelines.documents.spec import DOCUMENT
from pipelines.faces.spec import FACES
from pipelines.findings import Findings
from pipelines.image.sanitize_types import SanitizeOptions
from pipelines.image.spec import SANITIZE
from pipelines.moderation.spec import MODERATION
from service.components import Components
from service.operations.operation import ExecutionLimits
from service.telemetry.request_context import current_sender, outside_wait

COPY = SanitizeOptions(format="jpeg", max_side=1024, quality=85)  # more pixels gain vision models little
OBJECTS = "objects"  # the pipeline whose result has `counts`, by COCO label


async def add_caption(
    components: Components, captioner: Captioner, data: bytes, findings: Findings, limits: ExecutionLimits
) -> tuple[Findings, Caption]:
    """The findings with the caption in their prompt. A captioner that fails costs the caption and nothing else."""
    caption = await _describe(components, captioner, data, findings, limits)
    if caption.text is not None:
        caption = await components.pool.run(check_caption, caption, collect_facts(findings))
    return replace(findings, prompt=f"{findings.prompt}\n{describe_caption(caption)}"), caption


async def _describe(
    components: Components, captioner: Captioner, data: bytes, findings: Findings, limits: ExecutionLimits
) -> Caption:
    moderation = findings.get(MODERATION)
    if moderation is None or moderation.verdict != "allow":
        return _explain(captioner, "withheld", "moderation does not allow the picture to be sent")
    if findings.image.format == "PDF":
        return _explain(captioner, "no-copy", "only images are described")

    async def make_copy() -> bytes:
        copied = await components.engine.run(
            data, {"sanitize": COPY}, priority=limits.priority, deadline=limits.deadline, observed=False
        )
        return copied.of(SANITIZE).data

    try:
        with outside_wait():
            async with asyncio.timeout_at(limits.deadline):
                return await captioner.describe((current_sender().tenant, findings.image.sha256), make_copy)
    except CaptionerFailed as error:
        return _failed(captioner, error.reason, str(error))
    except (TimeoutError, DeadlineExceeded):
        return _failed(captioner, "too-slow", "the captioner was not done within the request's time")
    except KernelSightError:
        return _explain(captioner, "no-copy", "the picture could not be copied")


def _explain(captioner: Captioner, reason: NoteReason, detail: str) -> Caption:
    """A caption that was not asked for, which counts as well."""
    captioner.observe(reason, 0.0)
    return _failed(captioner, reason, detail)


def _failed(captioner: Captioner, reason: NoteReason, detail: str) -> Caption:
    return Caption(text=None, model=captioner.model, note=CaptionNote(reason=reason, detail=detail))


def check_caption(caption: Caption, facts: DetectedFacts) -> Caption:
    from pipelines.instructions.quoted_text import find_instructions  # here, because it loads OpenCV

    text = caption.text or ""
    phrases = find_instructions(text)
    return caption.model_copy(
        update={"doubts": find_doubts(text, facts), "addresses_model": bool(phrases), "instructions": phrases}
    )


def collect_facts(findings: Findings) -> DetectedFacts:
    """The facts that captions are checked against; None for pipelines that did not run."""
    faces, features, document = findings.get(FACES), findings.get(FEATURES), findings.get(DOCUMENT)
    kind = None if features is None else features.kind
    lines = [] if document is None else [
        line.text for page in document.pages for region in page.regions for line in region.lines
    ]  # fmt: skip
    return DetectedFacts(
        counts=None if is_page(kind) else getattr(findings.results.get(OBJECTS), "counts", None),
        faces=None if faces is None else faces.count,
        animal_share=None if features is None else sum(one.score for one in features.groups if one.group == "animal"),
        text=None if document is None else "\n".join(lines),
    )
