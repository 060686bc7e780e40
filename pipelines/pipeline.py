"""What every pipeline is, and what it may use: the runtime to infer, the pool to compute."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from typing import Any, ParamSpec, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from models.inference import Inference
from models.priority import Priority
from models.runtime.session import Array
from pipelines.image.decode import Picture
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

P = ParamSpec("P")

OptionsT = TypeVar("OptionsT", bound=BaseModel, contravariant=True)

ResultT = TypeVar("ResultT", bound=BaseModel)


class Infer(Protocol):
    """`Runtime.infer` or `Runtime.infer_many`, or a stand-in for them."""

    async def __call__(
        self, model: str, inputs: Mapping[str, Array], *, priority: Priority = ..., deadline: float | None = ...
    ) -> Inference: ...


class Pipeline(Protocol[OptionsT, ResultT]):
    """One kind of understanding. `name` is its key in requests, results and metrics."""

    @property
    def name(self) -> str: ...

    def models(self, options: OptionsT) -> list[ModelUsed]:
        """All that `options` make it ask, if there is something in the picture for them to look at."""

    def shorter_side(self, options: OptionsT) -> int | None:
        """Pixels that the decoded image's shorter side should have at least; None: all there are."""

    async def run(self, picture: Picture, options: OptionsT, context: RunContext) -> ResultT: ...

    def brief(self, result: ResultT) -> str:
        """The result in a few lines of Markdown for a language model."""


@runtime_checkable
class Gate(Protocol):
    """A pipeline that can keep a picture from all others."""

    @property
    def name(self) -> str: ...

    def passes(self, result: Any) -> bool: ...

    def of_a_page(self, options: Any) -> Any | None:
        """Options for a further page of a file whose first was looked at; None: nothing more would be found there."""

    async def unseen(self, options: Any, why: str) -> Any:
        """The result for a page that cannot be looked at."""

    def over_pages(self, found: Mapping[int, Any]) -> Any:
        """One result of those of several pages by number."""


@runtime_checkable
class OpensPdf(Protocol):
    """A pipeline that reads a PDF by itself, from `Picture.data`, and may be told its password."""

    def password(self, options: Any) -> str | None: ...

    def pages(self, options: Any, count: int) -> list[int]:
        """Which it reads of so many; raises RequestRejected or TooManyPages."""


_Work = tuple[Future[Any], Callable[[], Any]]

_priority: ContextVar[Priority] = ContextVar("priority", default="interactive")
