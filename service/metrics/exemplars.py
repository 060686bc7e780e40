"""An exemplar: one observation's way back to the request that it was made for."""

from service.context import current

LONGEST = 100  # characters: OpenMetrics allows 128 for names and values together


def exemplar() -> dict[str, str] | None:
    """The trace of the request that runs here, else its id; None outside of requests."""
    context = current()
    if context is None:
        return None
    if context.trace_id is not None:
        return {"trace_id": context.trace_id}
    return {"request_id": context.request_id} if len(context.request_id) <= LONGEST else None
