"""PipelineResources: the open models and limits that pipelines are built from."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.manifest import Manifest
from pipelines.cpu_pool import CpuPool
from pipelines.pipeline import Infer
from pipelines.types import ModelUsed

if TYPE_CHECKING:  # they load OpenCV or PDFium's client, which a process without pipelines does not need
    from pipelines.captioning.encoder import ImageEncoder
    from pipelines.clip.encoder import ClipEncoder
    from pipelines.clip.zero_shot import ZeroShotClassifier
    from pipelines.documents.ocr.reader import OcrReader
    from pipelines.documents.pages import PdfOpener
    from pipelines.documents.pipeline import DocumentLimits
    from pipelines.explain.explainer import ExplainerCache
    from pipelines.image.decoders import Decoders
    from pipelines.image.frame_reader import FrameReader
    from pipelines.moderation.policy import Policy
    from pipelines.moderation.signals.signal import Signal
    from pipelines.text.reading import TextBudgets


@dataclass(frozen=True, slots=True)
class TaskModels:
    """The models that do one task: `name` is the preference's in tasks.toml."""

    name: str
    manifests: tuple[Manifest, ...]


@dataclass(frozen=True)
class ModerationParts:
    """The policy and the signals of moderation. `signals` run on every image, `on_request` where a request names them.

    `policy` gives the policy that is in force now: it can change while the service runs.
    """

    policy: Callable[[], Awaitable["Policy"]]
    signals: tuple["Signal", ...]
    on_request: tuple["Signal", ...] = ()
    frames: "FrameReader | None" = None


@dataclass(frozen=True)
class PipelineResources:
    """`models` by task; `used` names the graph that the store holds for a manifest.

    `precision` is the share of statements that is to be right. `encoder` and `reader` are shared by several pipelines;
    `clip` and `zero_shot` are there where settings ask for them. `load_explainers` opens the explainer of the version
    that serves a model now.
    """

    models: Mapping[str, TaskModels]
    infer: Infer
    infer_many: Infer
    pool: CpuPool
    used: Callable[[Manifest], ModelUsed]
    load_explainers: Callable[[Manifest], Awaitable["ExplainerCache"]]
    encoder: "ImageEncoder"
    reader: "OcrReader"
    decoders: "Decoders"
    pdfium: "PdfOpener"
    document_limits: "DocumentLimits"
    text_budgets: "TextBudgets"
    precision: float
    moderation: ModerationParts
    clip: "ClipEncoder | None" = None
    zero_shot: "ZeroShotClassifier | None" = None
