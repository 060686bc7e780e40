"""What every signal is: a small detector with a name, a version and evidence of its own."""

from typing import Literal, Protocol, runtime_checkable

from pipelines.explain.explainer import Explanation
from pipelines.image.decode import Picture
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed


class Signal(Protocol):
    """`name` is its key in answers and policies. What it raises fails this signal alone: see a policy's `on_error`."""

    @property
    def name(self) -> str: ...

    @property
    def models(self) -> list[ModelUsed]:
        """Models of the store that it runs; none for checks that need no model."""

    @property
    def shorter_side(self) -> int | None:
        """Pixels that the decoded image's shorter side should have at least; None: all there are."""

    async def read(self, picture: Picture, context: RunContext) -> SignalResult: ...


@runtime_checkable
class OfFile(Protocol):
    """A signal that looks at the file and not at the picture: of several pages of a file the first is enough."""

    @property
    def is_of_file(self) -> Literal[True]: ...


@runtime_checkable
class Explains(Protocol):
    """A signal that can show what in a picture its score comes from."""

    async def explain(self, picture: Picture, context: RunContext) -> Explanation:
        """Raises ExplanationUnavailable."""
