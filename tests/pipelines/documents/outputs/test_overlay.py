"""What was found, drawn onto its page."""

import io

import numpy as np
from PIL import Image

from pipelines.documents.outputs.overlay import COLOURS, draw
from tests.pipelines.documents.outputs.drawn import page, region, table


def blank() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1000, 1400), "white").save(file, "PNG")
    return file.getvalue()


def colours(image: Image.Image) -> set[str]:
    packed = np.asarray(image).astype(np.int64) @ np.array([65_536, 256, 1])
    return {f"#{colour:06x}" for colour in np.unique(packed).tolist()}


def test_regions_have_the_colour_of_their_kind() -> None:
    image = draw(page(region("title", "Title"), region("figure"), picture=blank()))

    assert image.size == (1000, 1400)
    assert {COLOURS["title"], COLOURS["figure"]} <= colours(image)
    assert COLOURS["text"] not in colours(image)


def test_cells_of_tables_are_drawn() -> None:
    image = draw(page(tables=(table(("a", "b")),), picture=blank()))

    assert COLOURS["table"] in colours(image)
