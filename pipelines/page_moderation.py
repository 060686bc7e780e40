"""A gate over all pages of a PDF or TIFF that will be read: what other pipelines look at is the first alone."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from models.concurrency import ordered_map
from pipelines.documents.pages import Sheets
from pipelines.errors import ImageRejected
from pipelines.image.decode import Picture

AT_ONCE = 4  # pages in memory


async def over(
    sheets: Sheets,
    numbers: Sequence[int],
    look: Callable[[Picture], Awaitable[Any]],
    unseen: Callable[[str], Awaitable[Any]],
    *,
    shorter_side: int | None,
) -> dict[int, Any]:
    """What `look` makes of each page, or `unseen` of why it cannot be seen. Raises what they do.

    `shorter_side` is what a page's should have at least, in pixels; None: all that there are.
    """

    async def looked(number: int) -> Any:
        try:
            page = await sheets.picture(number, shorter_side)
        except ImageRejected as error:
            return await unseen(str(error))
        # To those who keep what they know of a picture it is another one than the first.
        return await look(replace(page, sha256=hashlib.sha256(f"{page.sha256}, page {number}".encode()).hexdigest()))

    async with aclosing(ordered_map(numbers, looked, AT_ONCE)) as found:
        return dict(zip(numbers, [one async for one in found], strict=True))
