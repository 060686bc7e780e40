"""Regions and cells drawn onto a page's picture."""

import io

import numpy as np
from PIL import Image

from pipelines.documents.outputs.overlay import COLOURS, draw_page
from tests.pipelines.documents.outputs.sample_documents import make_page, make_region, make_table


def make_blank_png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1000, 1400), "white").save(file, "PNG")
    return file.getvalue()


def find_colours(image: Image.Image) -> set[str]:
    packed = np.asarray(image).astype(np.int64) @ np.array([65_536, 256, 1])
    return {f"#{colour:06x}" for colour in np.unique(packed).tolist()}


def test_regions_have_the_colour_of_their_label() -> None:
    image = draw_page(make_page(make_region("title", "Title"), make_region("figure"), picture=make_blank_png()))

    assert image.size == (1000, 1400)
    assert {COLOURS["title"], COLOURS["figure"]} <= find_colours(image)
    assert COLOURS["text"] not in find_colours(image)


def test_cells_of_tables_are_drawn() -> None:
    image = draw_page(make_page(tables=(make_table(("a", "b")),), picture=make_blank_png()))

    assert COLOURS["table"] in find_colours(image)
