"""What was said of one result, for whoever follows its way."""

from service.audit.journal import START, Journal, beginning
from service.feedback.types import Judgement

_AT_ONCE = 10_000


async def given_on(journal: Journal, result_id: str) -> list[Judgement]:
    """Oldest first; the last one of each pipeline counts. Raises what the journal raises."""
    found: list[Judgement] = []
    cursor, more = START, True
    while more:
        lines, cursor = await journal.read(cursor, _AT_ONCE)
        found += [Judgement.model_validate_json(line) for line in lines if line.startswith(beginning(result_id))]
        more = len(lines) == _AT_ONCE
    return found
