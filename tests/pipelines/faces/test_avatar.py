"""Avatars are upright by the eyes, complete at the picture's edge, and files with nothing but pixels."""

import io
import struct
from math import cos, sin
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pipelines.faces.avatar import (
    EYE_DISTANCE,
    EYE_LEVEL,
    EYE_TO_MOUTH_FACTOR,
    compute_frame,
    encode_avatar,
    render_avatar,
)
from pipelines.faces.canvas import MipPyramid
from pipelines.faces.crops import CropWindow
from pipelines.faces.types import Face, Landmarks, Point, Pose
from pipelines.image.decode import ImageLimits, decode
from tests.pipelines.images import encode as to_file
from tests.pipelines.images import exif, photograph

GREY = "#808080"
FORMATS: tuple[Literal["png"], Literal["webp"]] = ("png", "webp")
Format = Literal["png", "webp"]


def make_face(left: Point, right: Point, *, mouth_down: float = 1.0) -> Face:
    """A face by its eyes; its mouth lies `mouth_down` eye distances under them."""
    x, y = right[0] - left[0], right[1] - left[1]
    down = (-y * mouth_down, x * mouth_down)
    points = Landmarks(
        left_eye=left,
        right_eye=right,
        nose=left,
        left_mouth=(left[0] + down[0], left[1] + down[1]),
        right_mouth=(right[0] + down[0], right[1] + down[1]),
    )
    pose = Pose(yaw=0, pitch=0, roll=0)
    return Face(box=(0, 0, 9, 9), score=1, is_face=True, position="centre", landmarks=points, pose=pose, quality=None)


def draw_dots(size: int, left: Point, right: Point, radius: float) -> Image.Image:
    """A grey picture with a red disc as the left eye and a blue one as the right."""
    pixels = np.full((size, size, 3), 128, np.uint8)
    columns, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    for (x, y), colour in ((left, (255, 0, 0)), (right, (0, 0, 255))):
        pixels[(columns - x) ** 2 + (rows - y) ** 2 < radius**2] = colour
    return Image.fromarray(pixels)


def locate_dots(avatar: Image.Image) -> NDArray[np.float64]:
    """The middles of the red and of the blue disc, in shares of the avatar's side."""
    red, _, blue = np.moveaxis(np.asarray(avatar).astype(np.float64), -1, 0)
    places = []
    for light in ((red - blue).clip(20) - 20, (blue - red).clip(20) - 20):
        rows, columns = np.indices(light.shape) + 0.5
        places.append(((columns * light).sum() / light.sum(), (rows * light).sum() / light.sum()))
    return np.array(places) / avatar.width


@settings(max_examples=40, deadline=None)
@given(
    x=st.floats(30, 270),
    y=st.floats(30, 270),
    apart=st.floats(20, 120),
    roll=st.floats(-3.2, 3.2),
    size=st.integers(32, 1024),
)
@example(x=150, y=150, apart=60, roll=0, size=32)
@example(x=150, y=150, apart=60, roll=0.5, size=1024)
def test_eyes_lie_at_their_fixed_place_wherever_they_were(
    x: float, y: float, apart: float, roll: float, size: int
) -> None:
    across, down = apart / 2 * cos(roll), apart / 2 * sin(roll)
    left, right = (x + 200 - across, y + 200 - down), (x + 200 + across, y + 200 + down)
    mips = MipPyramid(draw_dots(700, left, right, apart / 5))

    avatar = render_avatar(mips, compute_frame(make_face(left, right), scale=1.0), size=size, padding=GREY)

    expected = [(0.5 - EYE_DISTANCE / 2, EYE_LEVEL), (0.5 + EYE_DISTANCE / 2, EYE_LEVEL)]
    assert avatar.size == (size, size)
    assert np.abs(locate_dots(avatar) - expected).max() < 0.03


@pytest.mark.parametrize("apart", [1.0, 10.0, 30.0])
def test_a_face_turned_away_is_framed_by_its_mouth(apart: float) -> None:
    far = make_face((100 - apart / 2, 100), (100 + apart / 2, 100), mouth_down=60 / apart)

    assert compute_frame(far, scale=1.0).side == pytest.approx(60 * EYE_TO_MOUTH_FACTOR / EYE_DISTANCE)


def test_landmarks_are_scaled_from_the_original_to_the_picture() -> None:
    one = make_face((100, 80), (140, 90))

    whole, half = compute_frame(one, scale=1.0), compute_frame(one, scale=0.5)

    assert (half.x, half.y, half.side) == pytest.approx((whole.x / 2, whole.y / 2, whole.side / 2))
    assert half.direction == pytest.approx(whole.direction)


@pytest.mark.parametrize("place", [(20, 15), (0, 0), (40, 30)], ids=str)
def test_a_face_without_extent_still_has_an_avatar(place: Point) -> None:
    frame = compute_frame(make_face(place, place), scale=1.0)

    avatar = render_avatar(MipPyramid(Image.new("RGB", (40, 30), "red")), frame, size=32, padding="reflect")

    assert avatar.getextrema() == ((255, 255), (0, 0), (0, 0))


@pytest.mark.parametrize("size", [32, 33, 64, 255, 256, 511, 1024])
@pytest.mark.parametrize("side", [5.0, 100.0, 3000.0])
def test_avatars_of_every_size_have_the_pictures_colour(size: int, side: float) -> None:
    mips = MipPyramid(Image.new("RGB", (300, 200), (10, 200, 90)))

    avatar = render_avatar(mips, CropWindow(150, 100, side, (0.8, 0.6)), size=size, padding="reflect")

    assert avatar.size == (size, size)
    assert avatar.mode == "RGB"
    assert avatar.getextrema() == ((10, 10), (200, 200), (90, 90))


@pytest.mark.parametrize("middle", [(10.0, 20.0), (95.0, 75.0), (50.0, -25.0), (0.0, 0.0)], ids=str)
@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.6, -0.8)], ids=str)
def test_at_the_edge_the_avatar_shows_a_blurred_reflection(middle: Point, direction: Point) -> None:
    image = photograph("cat", (100, 80))
    around = Image.fromarray(np.pad(np.asarray(image), ((200, 200), (200, 200), (0, 0)), mode="symmetric"))
    inside = CropWindow(middle[0] + 200, middle[1] + 200, 60.0, direction)

    avatar = render_avatar(MipPyramid(image), CropWindow(*middle, 60.0, direction), size=128, padding="reflect")

    expected = render_avatar(MipPyramid(around), inside, size=128, padding=GREY)
    coarse = [np.asarray(one.resize((4, 4), Image.Resampling.BOX)).astype(int) for one in (avatar, expected)]
    assert np.abs(coarse[0] - coarse[1]).max() <= 25


def test_pixels_inside_the_picture_are_not_blurred() -> None:
    image = photograph("cat", (100, 80))
    frame, around = CropWindow(30, 20, 60.0), CropWindow(230, 220, 60.0)
    padded = Image.fromarray(np.pad(np.asarray(image), ((200, 200), (200, 200), (0, 0)), mode="symmetric"))

    avatar = np.asarray(render_avatar(MipPyramid(image), frame, size=128, padding="reflect"))

    expected = np.asarray(render_avatar(MipPyramid(padded), around, size=128, padding=GREY))
    assert np.array_equal(avatar[40:, 10:], expected[40:, 10:])


def test_at_the_edge_the_avatar_shows_the_chosen_colour() -> None:
    mips = MipPyramid(Image.new("RGB", (100, 100), "black"))

    avatar = render_avatar(mips, CropWindow(0, 0, 100.0, (1, 0)), size=100, padding="#ff8000")

    colours = [avatar.getpixel(place) for place in ((5, 5), (95, 5), (5, 95), (95, 95))]
    assert colours == [(255, 128, 0), (255, 128, 0), (255, 128, 0), (0, 0, 0)]


FAR = [(x, y) for x in (-500.0, 20.0, 500.0) for y in (-500.0, 15.0, 500.0) if (x, y) != (20.0, 15.0)]


@pytest.mark.parametrize("side", [5.0, 300.0])
@pytest.mark.parametrize("middle", FAR, ids=str)
def test_a_frame_that_misses_the_picture_is_all_padding(middle: Point, side: float) -> None:
    mips = MipPyramid(Image.new("RGB", (40, 30), "black"))

    avatar = render_avatar(mips, CropWindow(*middle, side, (1, 0)), size=64, padding="#ff8000")

    assert avatar.getextrema() == ((255, 255), (128, 128), (0, 0))


@pytest.mark.parametrize("side", [5.0, 300.0])
@pytest.mark.parametrize("middle", FAR, ids=str)
def test_a_frame_that_misses_the_picture_shows_its_reflection(middle: Point, side: float) -> None:
    mips = MipPyramid(Image.new("RGB", (40, 30), "teal"))

    avatar = render_avatar(mips, CropWindow(*middle, side, (1, 0)), size=64, padding="reflect")

    assert avatar.getextrema() == ((0, 0), (128, 128), (128, 128))


@pytest.mark.parametrize("side", [0.5, 1.0, 40.0, 2000.0])
def test_a_picture_of_one_pixel_has_an_avatar(side: float) -> None:
    avatar = render_avatar(
        MipPyramid(Image.new("RGB", (1, 1), "red")), CropWindow(0.5, 0.5, side, (1, 0)), size=48, padding="reflect"
    )

    assert avatar.getextrema() == ((255, 255), (0, 0), (0, 0))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("size", [32, 255, 1024])
def test_a_circle_is_transparent_around_and_solid_inside(size: int, format: Format) -> None:
    file = encode_avatar(photograph("cat", (size, size)), shape="circle", format=format)

    alpha = Image.open(io.BytesIO(file)).getchannel("A")
    last = size - 1
    corners = [alpha.getpixel(place) for place in ((0, 0), (last, 0), (0, last), (last, last))]
    rim = [alpha.getpixel(place) for place in ((size // 2, 0), (0, size // 2), (last, size // 2), (size // 2, last))]
    assert corners == [0] * 4
    assert alpha.getpixel((size // 2, size // 2)) == 255
    assert all(isinstance(one, int) and one > 128 for one in rim)


@pytest.mark.parametrize("format", FORMATS)
def test_a_square_is_the_picture_itself_without_transparency(format: Format) -> None:
    image = photograph("cat", (64, 64))

    found = Image.open(io.BytesIO(encode_avatar(image.copy(), shape="square", format=format)))

    difference = np.abs(np.asarray(found.convert("RGB")).astype(int) - np.asarray(image)).mean()
    assert found.format == format.upper()
    assert found.mode == "RGB"
    assert found.size == (64, 64)
    assert difference <= (0 if format == "png" else 8)


def list_chunks(file: bytes) -> set[bytes]:
    """The kinds of the chunks in a PNG or WebP file."""
    kinds, at = set(), 12 if file.startswith(b"RIFF") else 8
    while at < len(file):
        if file.startswith(b"RIFF"):
            kind, length = struct.unpack_from("<4sI", file, at)
            at += 8 + length + length % 2
        else:
            length, kind = struct.unpack_from(">I4s", file, at)
            at += 12 + length
        kinds.add(kind)
    return kinds


@pytest.mark.parametrize("shape", ["square", "circle"])
@pytest.mark.parametrize("padding", ["reflect", GREY])
@pytest.mark.parametrize("middle", [(225.0, 150.0), (5.0, 5.0)], ids=["inside", "at the edge"])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("source", ["JPEG", "PNG"])
def test_the_file_has_no_metadata_of_the_upload(
    source: str, format: Format, middle: Point, padding: str, shape: Literal["square", "circle"]
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    extra = {"comment": b"secret"} if source == "JPEG" else {}
    upload = to_file(photograph("cat"), source, icc_profile=profile, exif=exif(1), dpi=(72, 72), **extra)
    mips = MipPyramid(decode(upload, limits=ImageLimits()).pixels)

    file = encode_avatar(
        render_avatar(mips, CropWindow(*middle, 90.0, (1, 0)), size=64, padding=padding), shape=shape, format=format
    )

    pixels_only = {b"IHDR", b"IDAT", b"IEND"} if format == "png" else {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}
    assert list_chunks(file) - pixels_only == set()
