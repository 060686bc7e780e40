"""What the app holds while it runs, and how a route gets at it."""

from typing import Annotated

from fastapi import Depends, Request

from service.composition import House
from service.problems import NotReady


async def ready_house(request: Request) -> House:  # async: FastAPI sends plain functions to a thread
    """Raises NotReady while models load or after they failed to."""
    house: House | None = request.app.state.house
    if house is None:
        raise NotReady(request.app.state.failure or "models are being loaded and warmed; try again in a moment")
    return house


ReadyHouse = Annotated[House, Depends(ready_house)]
