"""Which pages of a document are meant: "1-3,7", "5-" to the end, "-2" from the beginning."""

import re

from pipelines.documents.errors import TooManyPages
from pipelines.errors import RequestRejected

PATTERN = r"^ *(\d{1,6}|\d{1,6} *- *(\d{1,6})?|- *\d{1,6})( *, *(\d{1,6}|\d{1,6} *- *(\d{1,6})?|- *\d{1,6}))* *$"


def chosen_pages(asked: str | None, count: int, *, limit: int) -> list[int]:
    """Numbers from 1, each once, ascending. `asked` matches PATTERN; a range may reach over the end.

    Raises RequestRejected for a page that the document does not have, and TooManyPages.
    """
    if asked is None:
        numbers = set(range(1, min(count, limit + 1) + 1))
    else:
        numbers = set().union(*(_part(part.strip(), count) for part in asked.split(",")))
    if len(numbers) > limit:
        raise TooManyPages(count if asked is None else len(numbers), limit)
    return sorted(numbers)


def _part(part: str, count: int) -> range:
    found = re.fullmatch(r"(\d*) *(-?) *(\d*)", part)
    assert found is not None  # the pattern was checked
    first = int(found[1] or 1)
    last = first if not found[2] else int(found[3] or count)
    if not 1 <= first <= count or last < first:
        raise RequestRejected(f"pages: there is no {part!r} in a document of {count} page{'s'[: count != 1]}")
    return range(first, min(last, count) + 1)
