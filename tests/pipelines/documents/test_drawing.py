"""What was found, drawn onto its page."""

import io

from PIL import Image

from pipelines.documents.drawing import COLOURS, draw
from tests.pipelines.documents.outputs.drawn import page, region, table


def blank() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (1000, 1400), "white").save(file, "PNG")
    return file.getvalue()


def colours(image: Image.Image) -> set[str]:
    return {"#" + bytes(pixel).hex() for pixel in set(image.get_flattened_data())}


def test_regions_have_the_colour_of_their_kind() -> None:
    image = draw(page(region("title", "Title"), region("figure"), picture=blank()))

    assert image.size == (1000, 1400)
    assert {COLOURS["title"], COLOURS["figure"]} <= colours(image)
    assert COLOURS["text"] not in colours(image)


def test_cells_of_tables_are_drawn() -> None:
    image = draw(page(tables=(table(("a", "b")),), picture=blank()))

    assert COLOURS["table"] in colours(image)
