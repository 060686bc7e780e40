"""Colours, sharpness, exposure and perceptual hash, on drawn images and on photographs."""

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from pipelines.captioning.appearance import COLOUR_NAMES, MOST_COLOURS, SMALLEST_SHARE, measure_appearance
from tests.pipelines.images import encode, photograph

Colour = tuple[int, int, int]

PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket", "page", "text", "coins", "camera")
TINY = [(1, 1), (2, 2), (3, 1), (1, 3), (3, 3), (1, 5000), (5000, 1)]


def plain(colour: Colour, size: tuple[int, int] = (60, 40)) -> Image.Image:
    return Image.new("RGB", size, colour)


def hash_distance(one: Image.Image, other: Image.Image) -> int:
    """Hamming distance in bits."""
    hashes = [int(measure_appearance(image).perceptual_hash, 16) for image in (one, other)]
    return (hashes[0] ^ hashes[1]).bit_count()


@pytest.mark.parametrize("name", COLOUR_NAMES)
def test_an_image_of_one_colour_has_just_that_colour(name: str) -> None:
    colour = COLOUR_NAMES[name]

    found = measure_appearance(plain(colour)).colours

    assert [(one.name, one.hex, one.share) for one in found] == [(name, "#" + bytes(colour).hex(), 1.0)]


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ((0, 0, 0), "black"), ((255, 255, 255), "white"), ((255, 0, 0), "red"), ((0, 128, 0), "green"),
        ((255, 255, 0), "yellow"), ((255, 165, 0), "orange"), ((139, 69, 19), "brown"),
        ((0, 255, 255), "cyan"), ((128, 0, 128), "purple"), ((128, 128, 128), "grey"), ((255, 192, 203), "pink"),
    ],
)  # fmt: skip
def test_unlisted_colours_get_their_everyday_name(colour: Colour, name: str) -> None:
    assert measure_appearance(plain(colour)).colours[0].name == name


@pytest.mark.parametrize("size", [(64, 64), (640, 480), (301, 200)])
def test_two_halves_are_two_colours_of_a_half_each(size: tuple[int, int]) -> None:
    image = plain(COLOUR_NAMES["red"], size)
    image.paste(COLOUR_NAMES["blue"], (0, 0, size[0] // 2, size[1]))

    found = {one.name: one.share for one in measure_appearance(image).colours}

    assert found == {"red": pytest.approx(0.5, abs=0.02), "blue": pytest.approx(0.5, abs=0.02)}


def test_the_largest_colour_comes_first_and_specks_are_left_out() -> None:
    image = plain(COLOUR_NAMES["white"], (100, 100))
    image.paste(COLOUR_NAMES["green"], (0, 0, 30, 100))
    image.paste(COLOUR_NAMES["red"], (90, 90, 100, 100))  # 1 % of the pixels

    found = measure_appearance(image).colours

    assert [one.name for one in found] == ["white", "green"]


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_colours_of_a_photograph_are_few_large_and_sorted(name: str) -> None:
    shares = [one.share for one in measure_appearance(photograph(name)).colours]

    assert shares == sorted(shares, reverse=True)
    assert 1 <= len(shares) <= MOST_COLOURS
    assert min(shares) >= SMALLEST_SHARE - 1e-3
    assert sum(shares) <= 1.01


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_is_sharp_and_its_blurred_version_is_not(name: str) -> None:
    image = photograph(name)
    image.thumbnail((384, 384))

    blurred = image.filter(ImageFilter.GaussianBlur(3))

    assert not measure_appearance(image).is_blurred
    assert measure_appearance(blurred).is_blurred


@pytest.mark.parametrize("factor", [2, 3])
def test_sharpness_is_measured_at_one_scale(factor: int) -> None:
    image = photograph("cat")
    large = image.resize((image.width * factor, image.height * factor), Image.Resampling.BICUBIC)

    assert measure_appearance(large).sharpness == pytest.approx(measure_appearance(image).sharpness, rel=0.5)


def test_the_more_blur_the_less_sharpness() -> None:
    image = photograph("coffee")

    values = [
        measure_appearance(image.filter(ImageFilter.GaussianBlur(radius))).sharpness for radius in (0, 1, 2, 4, 8)
    ]

    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize(
    ("colour", "brightness", "dark", "bright"),
    [((0, 0, 0), 0.0, 1.0, 0.0), ((255, 255, 255), 1.0, 0.0, 1.0), ((128, 128, 128), 0.502, 0.0, 0.0)],
)
def test_a_flat_image_says_how_bright_it_is(colour: Colour, brightness: float, dark: float, bright: float) -> None:
    found = measure_appearance(plain(colour))

    assert found.exposure == "flat"
    assert found.contrast == 0.0
    assert found.sharpness == 0.0
    assert found.brightness == brightness
    assert found.clipped_dark == dark
    assert found.clipped_bright == bright


@pytest.mark.parametrize(
    ("gain", "lift", "exposure"),
    [(1.0, 0, "normal"), (0.2, 0, "dark"), (1.0, 140, "bright"), (0.02, 120, "flat")],
)
def test_exposure_is_named(gain: float, lift: int, exposure: str) -> None:
    image = photograph("coffee").point(lambda level: int(min(level * gain + lift, 255)))

    assert measure_appearance(image).exposure == exposure


def test_the_four_levels_at_either_end_count_as_clipped() -> None:
    found = measure_appearance(Image.linear_gradient("L").convert("RGB").resize((256, 256)))  # every level in one row

    assert found.clipped_dark == round(4 / 256, 4)
    assert found.clipped_bright == round(4 / 256, 4)


def test_an_over_exposed_photograph_shows_how_much_is_lost() -> None:
    image = photograph("coffee").point(lambda level: min(level * 4, 255))

    found = measure_appearance(image)

    assert found.clipped_bright > 0.3
    assert found.clipped_dark < 0.1


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_hash_survives_compression_and_scaling(name: str) -> None:
    image = photograph(name)
    compressed = Image.open(io.BytesIO(encode(image, "JPEG", quality=30)))
    versions = [compressed, *(image.resize((image.width * of // 12, image.height * of // 12)) for of in (5, 9, 17, 30))]

    assert max(hash_distance(image, version) for version in versions) <= 10


def test_the_hashes_of_different_photographs_are_far_apart() -> None:
    images = [photograph(name) for name in PHOTOGRAPHS]

    assert min(hash_distance(one, other) for one, other in combinations(images, 2)) > 16


def test_the_hash_is_the_signs_of_the_lowest_frequencies() -> None:
    """A cosine of frequency (0, 1) alone: the constant and that one stand out, the rest is noise around zero."""
    wave = 128 + 100 * np.cos(np.pi / 64 * (2 * np.arange(32) + 1))
    image = Image.fromarray(np.broadcast_to(wave.round().astype(np.uint8), (32, 32)).copy()).convert("RGB")

    first = bytes.fromhex(measure_appearance(image).perceptual_hash)[0]

    assert first >> 6 == 0b11


@pytest.mark.parametrize("size", TINY)
def test_tiny_and_extreme_images_have_an_appearance(size: tuple[int, int]) -> None:
    found = measure_appearance(plain((205, 30, 35), size))

    assert [(one.name, one.share) for one in found.colours] == [("red", 1.0)]
    assert len(found.perceptual_hash) == 16
    assert found.sharpness == 0.0
    assert found.exposure == "flat"


def test_grey_photographs_have_grey_colours_only() -> None:
    image = photograph("camera").convert("L").convert("RGB")

    names = {one.name for one in measure_appearance(image).colours}

    assert names <= {"black", "dark grey", "grey", "light grey", "white"}


def test_measuring_leaves_the_picture_as_it_was() -> None:
    image = photograph("cat")
    before = image.tobytes()

    measure_appearance(image)

    assert image.size == (451, 300)
    assert image.tobytes() == before
