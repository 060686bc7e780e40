"""Pages that did not lie flat, and fax pixels: points map to the flat page and back, and the better reading counts."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter

from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import PageTransform, Rotation
from pipelines.documents.flattening import MAX_PIXELS, Flattening
from pipelines.documents.flattening_reader import FlatteningReader
from pipelines.documents.stages import PageText, Pixels, TextLine
from pipelines.image.decode import ImageLimits, decode
from pipelines.image.pixel_aspect import read_pixel_aspect
from pipelines.run_context import RunContext
from tests.pipelines.documents.conftest import ReadDocument
from tests.pipelines.documents.fake_stages import FakeReader, make_line
from tests.pipelines.documents.perspective_pages import CORNERS, SIZE, as_points, draw_letter, photograph_page

OUTLINE = as_points(CORNERS["from below"])
PHOTOGRAPH = photograph_page(draw_letter(), CORNERS["from below"])
IN_PAGE = (400.0, 500.0, 800.0, 540.0)
ON_DESK = (10.0, 20.0, 120.0, 60.0)
IN_FLAT = (100.0, 100.0, 300.0, 140.0)


def write_fax(across: float, down: float, format: str = "TIFF", size: tuple[int, int] = (1728, 1100)) -> bytes:
    file = io.BytesIO()
    options = {"compression": "group4"} if format == "TIFF" else {}
    Image.new("1", size, 1).save(file, format, dpi=(across, down), **options)
    return file.getvalue()


def read_with(answers: dict[bool, TextLine], pixels: Pixels, aspect: float = 1.0) -> PageText:
    """Read with a reader that has one line for pixels as they came in (False), and another for flat ones (True)."""
    reader = FakeReader(lambda page: PageText(page, (answers[page.shape != pixels.shape],)))
    pool = CpuPool(threads=1)
    try:
        return asyncio.run(FlatteningReader(reader, pool).read(pixels, aspect, RunContext()))
    finally:
        pool.close()


@pytest.mark.parametrize(
    "flattening", [Flattening.of_aspect(900, 500, 2.08), Flattening.of_outline(OUTLINE)], ids=["fax", "perspective"]
)
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_points_of_flat_pages_map_back(flattening: Flattening, rotation: Rotation) -> None:
    transform = PageTransform(*SIZE, rotation, 3.0, flattening)
    points = np.array([[400, 300], [600, 900], [720, 1200]], np.float32)

    assert transform.to_original(transform.to_upright(points)) == pytest.approx(points, abs=0.1)


def test_corners_of_the_outline_are_those_of_the_flat_page() -> None:
    flattening = Flattening.of_outline(OUTLINE)
    width, height = flattening.width, flattening.height
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)

    assert flattening.to_flat(OUTLINE) == pytest.approx(corners, abs=0.1)


def test_pixels_of_a_fax_become_squares() -> None:
    assert Flattening.of_aspect(1728, 1100, 204 / 98).warp(np.zeros((1100, 1728, 3), np.uint8)).shape == (2290, 1728, 3)


def test_flat_pages_have_a_largest_size() -> None:
    flattening = Flattening.of_aspect(8000, 5000, 2.0)

    assert flattening.width * flattening.height <= 1.001 * MAX_PIXELS


@pytest.mark.parametrize(
    ("data", "aspect"),
    [
        (write_fax(204, 98), 204 / 98),
        (write_fax(98, 204), 98 / 204),
        (write_fax(204, 98, "PNG"), 204 / 98),
        (write_fax(204, 196), 1.0),
        (write_fax(300, 300), 1.0),
        (write_fax(2000, 10), 1.0),
    ],
    ids=["fax", "on its side", "PNG", "fine fax", "square", "not credible"],
)
def test_the_shape_of_pixels_follows_from_resolutions(data: bytes, aspect: float) -> None:
    assert read_pixel_aspect(decode(data, limits=ImageLimits())) == pytest.approx(aspect, rel=0.01)


def test_each_page_of_a_fax_has_its_own_shape() -> None:
    file = io.BytesIO()
    with AppendingTiffWriter(file, new=True) as pages:
        for down in (204, 98):
            Image.new("1", (400, 300), 1).save(pages, "TIFF", dpi=(204, down))
            pages.newFrame()
    picture = decode(file.getvalue(), limits=ImageLimits())

    assert [read_pixel_aspect(picture, frame) for frame in (0, 1)] == [1.0, pytest.approx(204 / 98)]


def test_boxes_of_a_fax_are_in_its_own_pixels(read: ReadDocument) -> None:
    reader = FakeReader(lambda page: PageText(page, (make_line("Invoice 47", (100, 1000, 400, 1040)),)))
    page = read(write_fax(204, 98), reader=reader).pages[0]

    assert [one.shape[:2] for one in reader.pages] == [(1100, 1728), (2290, 1728)]
    assert page.regions[0].box == pytest.approx((100, 480.3, 400, 499.6), abs=0.3)
    assert (page.width, page.height) == (1728, 1100)


def test_a_fax_that_reads_worse_flat_stays_as_it_came() -> None:
    answers = {False: make_line("all of the words", IN_PAGE), True: make_line("words", IN_PAGE)}

    assert read_with(answers, np.full((500, 900, 3), 255, np.uint8), 2.08).flattening is None


def test_a_page_in_perspective_is_read_flat() -> None:
    text = read_with({False: make_line("Dear Ms", IN_PAGE), True: make_line("Dear Ms Robinson,", IN_FLAT)}, PHOTOGRAPH)

    assert text.flattening is not None
    assert [line.text for line in text.lines] == ["Dear Ms Robinson,"]


def test_a_page_that_reads_worse_flat_stays_as_it_came() -> None:
    text = read_with({False: make_line("Dear Ms Robinson,", IN_PAGE), True: make_line("Dear", IN_FLAT)}, PHOTOGRAPH)

    assert text.flattening is None


def test_text_beside_the_page_is_not_cut_away() -> None:
    text = read_with({False: make_line("Dear Ms", ON_DESK), True: make_line("Dear Ms Robinson,", IN_FLAT)}, PHOTOGRAPH)

    assert text.flattening is None


def test_pictures_without_a_page_are_read_once(read: ReadDocument) -> None:
    file = io.BytesIO()
    Image.fromarray(draw_letter()).save(file, "PNG")
    reader = FakeReader()
    read(file.getvalue(), reader=reader)

    assert len(reader.pages) == 1
