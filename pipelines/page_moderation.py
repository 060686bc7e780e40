"""Runs the moderation gate over every page of a PDF or TIFF that will be read."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from models.concurrency import ordered_map
from pipelines.admission import AdmittedRequest
from pipelines.documents.pages import PageSource
from pipelines.errors import ImageRejected
from pipelines.image.decode import Picture

PAGES_IN_FLIGHT = 4  # rendered pages in memory


async def moderate_pages(
    source: PageSource,
    admitted: AdmittedRequest,
    numbers: Sequence[int],
    moderate: Callable[[Picture], Awaitable[Any]],
    result_for_unseen_page: Callable[[str], Awaitable[Any]],
    *,
    shorter_side: int | None,
) -> dict[int, Any]:
    """The result of `moderate` for each page by its number; raises what the callbacks raise.

    `result_for_unseen_page` gets the reason why a page could not be rendered. `shorter_side` is the least that a
    page's shorter side needs, in pixels; None for full resolution.
    """

    async def moderate_page(number: int) -> Any:
        async with admitted.admit_page(await source.page_bytes(number)):
            return await moderate_admitted(number)

    async def moderate_admitted(number: int) -> Any:
        try:
            page = await source.read_picture(number, shorter_side)
        except ImageRejected as error:
            return await result_for_unseen_page(str(error))
        # The caches that are keyed by sha256 must not take it for the first page.
        return await moderate(
            replace(page, sha256=hashlib.sha256(f"{page.sha256}, page {number}".encode()).hexdigest())
        )

    async with aclosing(ordered_map(numbers, moderate_page, PAGES_IN_FLIGHT)) as results:
        return dict(zip(numbers, [one async for one in results], strict=True))
