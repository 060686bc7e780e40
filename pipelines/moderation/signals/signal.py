"""The protocols of signals: small detectors, each with a name, scores, a version and evidence of its own."""

from collections.abc import Collection
from typing import Literal, Protocol, runtime_checkable

from pipelines.explain.types import Explanation
from pipelines.image.decode import Picture
from pipelines.image.frame_views import FrameViews
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

ScoreNames = Collection[str] | None  # None: any name


class DeclaresScores(Protocol):
    """A signal's class: what a policy is checked against, before any signal is built."""

    @property
    def name(self) -> str:
        """The key of the signal in answers and policies."""

    def score_names(self) -> ScoreNames:
        """The scores that it can give, which a rule names as 'signal.score'; None where any name may turn up."""


class Signal(DeclaresScores, Protocol):
    """An exception fails this signal alone: see a policy's `on_error`."""

    @property
    def models(self) -> list[ModelUsed]:
        """The models that it runs; none for checks that need no model."""

    @property
    def shorter_side(self) -> int | None:
        """Pixels that the decoded image's shorter side should have at least; None: all of them."""

    async def read(self, picture: Picture, context: RunContext) -> SignalResult: ...


@runtime_checkable
class FileSignal(Protocol):
    """A signal that reads the file and not the picture: it runs once, not for each page of a file."""

    @property
    def reads_file(self) -> Literal[True]: ...


@runtime_checkable
class ScreeningSignal(Protocol):
    """A signal that can look at every frame of an animation, fast: what it suspects is judged like the first frame."""

    @property
    def name(self) -> str: ...

    async def screen(self, views: FrameViews, first: int) -> list[int]:
        """One frame, by number from 0, for each thing that is found and is not in the frame `first`: the most serious
        first.
        """


@runtime_checkable
class TextReadingSignal(Protocol):
    """A signal that reads texts as well."""

    @property
    def name(self) -> str: ...

    def read_text(self, text: str) -> SignalResult: ...


@runtime_checkable
class ExplainableSignal(Protocol):
    """A signal that can show which places of a picture its score comes from."""

    async def explain(self, picture: Picture, context: RunContext) -> Explanation:
        """Raises ExplanationUnavailable."""
