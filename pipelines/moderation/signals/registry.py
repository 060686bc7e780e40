"""Lists the signals with the scores that each declares, which a policy's rules may name.

Modules with pydantic models must not import this one: such models outlive the interpreter's clean-up, would keep
ZXing's objects alive with them, and nanobind would report those as leaks on stderr.
"""

from pipelines.moderation.frames import SCORES as FRAME_SCORES
from pipelines.moderation.frames import SIGNAL as FRAMES
from pipelines.moderation.signals.barcodes import BarcodeSignal
from pipelines.moderation.signals.custom import CustomCategorySignal
from pipelines.moderation.signals.file_hygiene import FileHygieneSignal
from pipelines.moderation.signals.instructions import InstructionsSignal
from pipelines.moderation.signals.known_images import KnownImageSignal
from pipelines.moderation.signals.nsfw import NsfwSignal
from pipelines.moderation.signals.nsfw_classes import NsfwClassesSignal
from pipelines.moderation.signals.objects import ObjectsSignal
from pipelines.moderation.signals.signal import DeclaresScores, ScoreNames
from pipelines.moderation.text_rules import TextSignal

_SIGNALS: tuple[DeclaresScores, ...] = (
    NsfwSignal, NsfwClassesSignal, ObjectsSignal, KnownImageSignal, BarcodeSignal, FileHygieneSignal,
    InstructionsSignal,
)  # fmt: skip


def declared_scores(text: TextSignal) -> dict[str, ScoreNames]:
    """The names of scores by signal. `text` is the policy's own: its scores are the categories of its text rules."""
    signals: tuple[DeclaresScores, ...] = (*_SIGNALS, text, CustomCategorySignal)
    return {signal.name: signal.score_names() for signal in signals} | {FRAMES: FRAME_SCORES}
