"""What a model's kernels do: numbers for each convolution layer, and pictures of kernels and activations."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from models.errors import DeadlineExceeded
from models.kernels.health import KernelHealth
from service.kernels.watch import current_manifest
from service.state import ReadyHouse, ReadyWatch

router = APIRouter()


class KernelsQuery(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["json", "png"] = "json"
    show: Literal["kernels", "activations"] = Field(
        default="kernels", description="of a PNG: the kernels, or those that answer most and to what"
    )
    layer: str | None = Field(default=None, description="of a PNG: a layer's name as in the JSON; the first without")


@router.get(
    "/{model}/kernels",
    response_model=KernelHealth,
    responses={200: {"content": {"image/png": {}}, "description": "Numbers for each layer, or a picture of one"}},
)
async def kernels(
    house: ReadyHouse, watch: ReadyWatch, model: str, query: Annotated[KernelsQuery, Query()]
) -> Response:
    """Of each convolution layer: the range of activations, dead kernels, saturation, drift from the profile.

    `format=png` gives the kernels of the first layer as a picture, or of the layer that is named; with
    `show=activations` the kernels that answer most to the drawn pictures, each over the one it answers to.
    """
    manifest = current_manifest(house, model)
    try:
        async with asyncio.timeout(house.settings.request_seconds):
            if query.format == "json":
                return Response((await watch.kernels.health(manifest)).model_dump_json(), media_type="application/json")
            draw = watch.kernels.kernels_png if query.show == "kernels" else watch.kernels.activations_png
            return Response(await draw(manifest, query.layer), media_type="image/png")
    except TimeoutError:
        raise DeadlineExceeded("the look at the kernels") from None
