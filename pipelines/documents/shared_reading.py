"""One OCR of a picture for everything in a request that needs its text."""

import numpy as np

from pipelines.documents.stages import PageReader, PageText
from pipelines.image.decode import Picture
from pipelines.run_context import RunContext

SHARED_READING = "read text"  # its key among a request's shared work


async def find_shared_reading(context: RunContext) -> PageText | None:
    """The text of all pixels, where an earlier part of the request has had them read."""
    work = context.shared.get(SHARED_READING)
    page: PageText | None = None if work is None else await work
    return page


async def read_once(reader: PageReader, picture: Picture, context: RunContext) -> PageText:
    """The text of all pixels; who asks first reads it. Lines are in pixels of `PageText.pixels`."""
    return await context.once(SHARED_READING, lambda: reader.read(np.asarray(picture.pixels), context))
