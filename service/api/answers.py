"""From a request to an operation's reply: at once, or as a job where the client would rather not wait."""

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from service.composition import House
from service.intake import Ask, read_ask, unless_gone
from service.operations.operation import Operation


async def asked(request: Request, house: House, operation: Operation[Any], query: BaseModel | None = None) -> Ask:
    """The body, over what the query gives. Raises RequestRejected or MediaTypeRejected."""
    ask = await read_ask(request, house.pool, names=operation.image_names)
    return ask if query is None else ask.over(query.model_dump(include=query.model_fields_set))


async def answered(
    request: Request, house: House, operation: Operation[Any], query: BaseModel | None = None
) -> Response:
    """Raises what reading the request and the operation raise."""
    ask = await asked(request, house, operation, query)
    reply = await unless_gone(request, operation.run(house, ask, operation.now(house)))
    return Response(reply.body, media_type=reply.media_type, headers=dict(reply.headers))
