"""The central crop: which square it takes, and which tensor it gives."""

import numpy as np
import pytest
from PIL import Image

from models.manifest import InputContract
from models.registry import Catalog
from pipelines.image.preprocess import crop_centre, required_shorter_side
from tests.pipelines.images import Pixels

CONTRACT = Catalog.load().get("efficientnet-lite0").input  # 224 x 224 from .875 of the shorter side


def contract(side: int, crop: float = 1.0, interpolation: str = "bicubic") -> InputContract:
    facts = CONTRACT.model_dump() | {"sizes": [(side, side)], "crop": crop, "interpolation": interpolation}
    return InputContract.model_validate(facts)


def coordinates(width: int, height: int) -> Image.Image:
    """Every pixel encodes its place: red its column, green its row (both modulo 256), blue the quotients."""
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(
        np.stack([columns % 256, rows % 256, columns // 256 * 16 + rows // 256], -1).astype(np.uint8)
    )


def read_place(tensor: Pixels) -> tuple[int, int]:
    """Column and row of the crop's first pixel."""
    red, green, blue = (int(value) for value in tensor[0, 0])
    return blue // 16 * 256 + red, blue % 16 * 256 + green


@pytest.mark.parametrize(
    ("size", "left", "top"),
    [
        ((256, 256), 16, 16),
        ((257, 257), 17, 17),  # 33 pixels are over: 17 go to the left and top, as in TensorFlow
        ((256, 300), 16, 38),
        ((301, 256), 39, 16),  # 77 are over
        ((640, 256), 208, 16),
    ],
)
def test_the_square_is_central_and_on_whole_pixels(size: tuple[int, int], left: int, top: int) -> None:
    image = coordinates(*size)

    tensor = crop_centre(image, CONTRACT)  # with these shorter sides, nothing is resampled

    assert read_place(tensor) == (left, top)
    assert np.array_equal(tensor, np.asarray(image)[top : top + 224, left : left + 224])


@pytest.mark.parametrize("width", range(20, 60, 3))
@pytest.mark.parametrize("height", [20, 21, 34, 59])
@pytest.mark.parametrize("crop", [0.875, 0.9, 0.5, 1.0])
def test_side_and_offset_are_rounded_as_in_tensorflow(width: int, height: int, crop: float) -> None:
    side = int(min(width, height) * crop)
    left, top = (width - side + 1) // 2, (height - side + 1) // 2
    image = coordinates(width, height)

    tensor = crop_centre(image, contract(side, crop))

    assert np.array_equal(tensor, np.asarray(image)[top : top + side, left : left + side])


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 5000), (5000, 1), (3, 1), (640, 480), (5000, 300)])
def test_any_image_becomes_the_tensor_of_the_contract(size: tuple[int, int]) -> None:
    tensor = crop_centre(Image.new("RGB", size, (200, 40, 90)), CONTRACT)

    assert tensor.shape == (224, 224, 3)
    assert tensor.dtype.name == "uint8"
    assert (tensor == (200, 40, 90)).all()  # no pixels from outside the image


def test_pixels_beyond_the_reach_of_the_filter_have_no_effect() -> None:
    image = Image.new("RGB", (400, 200), "red")
    image.paste("green", (111, 11, 290, 190))  # .875 of the shorter side is 175, from (113, 13) on; bicubic reaches 2

    tensor = crop_centre(image, CONTRACT)

    assert (tensor == (0, 128, 0)).all()


@pytest.mark.parametrize(
    ("interpolation", "filter"),
    [
        ("nearest", Image.Resampling.NEAREST),
        ("bilinear", Image.Resampling.BILINEAR),
        ("bicubic", Image.Resampling.BICUBIC),
    ],
)
def test_the_contract_names_the_resampling(interpolation: str, filter: Image.Resampling) -> None:
    image = coordinates(90, 90)

    tensor = crop_centre(image, contract(40, interpolation=interpolation))

    assert np.array_equal(tensor, np.asarray(image.resize((40, 40), filter)))


def test_a_tensor_may_be_higher_than_wide() -> None:
    tall = InputContract.model_validate(CONTRACT.model_dump() | {"sizes": [(48, 32)]})

    assert crop_centre(coordinates(90, 90), tall).shape == (48, 32, 3)


@pytest.mark.parametrize(("side", "crop", "wanted"), [(224, 0.875, 384), (224, 1.0, 336), (300, 0.5, 900)])
def test_decoding_keeps_half_as_much_again_as_the_crop_needs(side: int, crop: float, wanted: int) -> None:
    assert required_shorter_side(contract(side, crop)) == wanted
