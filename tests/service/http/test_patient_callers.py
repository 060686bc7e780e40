"""Eight callers at once, each with one request after the other, are all served: nobody gets 429."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.conftest import Jpeg
from tests.pipelines.images import encode, photograph
from tests.serving import Service, serving

CALLERS = 8
PHONE = (4000, 3000)  # twelve megapixels


@pytest.fixture(scope="module")
def uncached() -> Iterator[Service]:
    """A service with default limits. It does the whole work for each request, as it would for different images."""
    with serving(encoder_cache="0") as service:
        yield service


def ask(service: Service, path: str, file: bytes, *, times: int) -> set[int]:
    """Statuses of all callers' requests."""

    def call(_: int) -> list[int]:
        return [service.http.post(path, files={"file": file}, timeout=600).status_code for _ in range(times)]

    with ThreadPoolExecutor(CALLERS) as callers:
        return {status for one in callers.map(call, range(CALLERS)) for status in one}


@pytest.mark.parametrize("path", ["/v1/features", "/v1/faces", "/v1/moderations", "/v1/analyze"])
def test_eight_callers_with_images_are_served(uncached: Service, jpeg: Jpeg, path: str) -> None:
    assert ask(uncached, path, jpeg("astronaut"), times=5) == {200}


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF"])
def test_eight_pictures_of_a_phone_are_served(uncached: Service, format: str) -> None:
    options: dict[str, dict[str, Any]] = {"WEBP": {"method": 0}, "TIFF": {"compression": "jpeg"}}
    picture = encode(photograph("astronaut", PHONE), format, **options.get(format, {}))

    assert ask(uncached, "/v1/features", picture, times=2) == {200}


def test_eight_pictures_in_full_resolution_are_served(uncached: Service) -> None:
    picture = encode(photograph("astronaut", PHONE), "JPEG")

    assert ask(uncached, "/v1/faces", picture, times=2) == {200}


def test_eight_heics_are_served(uncached: Service) -> None:
    picture = encode(photograph("astronaut", (1600, 1200)), "HEIC")

    assert ask(uncached, "/v1/features", picture, times=2) == {200}


@pytest.mark.parametrize("format", ["PDF", "TIFF"])
def test_eight_documents_of_several_pages_are_served(uncached: Service, format: str) -> None:
    first, *others = [draw_page(number) for number in range(3)]
    document = encode(first, format, save_all=True, append_images=others)

    assert ask(uncached, "/v1/documents", document, times=1) == {200}


def draw_page(number: int) -> Image.Image:
    page = Image.fromarray(np.full((1100, 850), 255, np.uint8))
    draw = ImageDraw.Draw(page)
    for line in range(3):
        draw.text((80, 80 + 90 * line), f"Page {number}, line {line} of a report", 0, ImageFont.load_default(28))
    return page.convert("RGB")
