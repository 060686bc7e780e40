"""The protocols of pipelines: any pipeline, one that gates, one that reads PDFs."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from models.arrays import Array
from models.inference import Inference
from models.priority import Priority
from pipelines.image.decode import Picture
from pipelines.prompt import PromptContext
from pipelines.run_context import RunContext
from pipelines.types import ModelUsed

OptionsT = TypeVar("OptionsT", bound=BaseModel, contravariant=True)

ResultT = TypeVar("ResultT", bound=BaseModel)


class Infer(Protocol):
    """The signature of `Runtime.infer` and `Runtime.infer_many`."""

    async def __call__(
        self, model: str, inputs: Mapping[str, Array], *, priority: Priority = ..., deadline: float | None = ...
    ) -> Inference: ...


class Pipeline(Protocol[OptionsT, ResultT]):
    """One kind of analysis. `name` is its key in requests, results and metrics."""

    @property
    def name(self) -> str: ...

    def models(self, options: OptionsT) -> list[ModelUsed]:
        """Every model that `options` may use, depending on what is in the picture."""

    def shorter_side(self, options: OptionsT) -> int | None:
        """Pixels that the decoded image's shorter side needs at least; None for full resolution."""

    async def run(self, picture: Picture, options: OptionsT, context: RunContext) -> ResultT: ...

    def describe(self, result: ResultT, context: PromptContext) -> str:
        """The result in a few lines of Markdown for a language model; empty where there is nothing to say."""


@runtime_checkable
class GatePipeline(Protocol):
    """A pipeline that can withhold a picture from all others."""

    @property
    def name(self) -> str: ...

    def passes(self, result: Any) -> bool: ...

    def shorter_side(self, options: Any) -> int | None: ...

    async def run(self, picture: Picture, options: Any, context: RunContext) -> Any: ...

    def options_for_page(self, options: Any) -> Any | None:
        """Options for pages after the first; None where further pages could not change the result."""

    async def result_for_unseen_page(self, options: Any, why: str) -> Any:
        """The result for a page that could not be rendered, because of `why`."""

    async def merge_pages(self, options: Any, results: Mapping[int, Any], count: int) -> Any:
        """One result from those of several of `count` pages, by page number."""


@runtime_checkable
class PdfReadingPipeline(Protocol):
    """A pipeline that reads PDFs itself, from `Picture.data`, with a password where one is needed."""

    def password(self, options: Any) -> str | None: ...

    def pages(self, options: Any, count: int) -> list[int]:
        """The numbers of the pages to read, of `count` pages; raises RequestRejected or TooManyPages."""
