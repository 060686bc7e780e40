"""Any damage to any file gives a picture or an error that blames the image, and no other exception."""


import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import ImageRejected
from pipelines.image.decode import ImageLimits, Picture, decode
from tests.pipelines.images import animation, encode, exif, photograph

# Pillow warns of metadata that it cannot read.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = ImageLimits(bytes=100_000, pixels=1_000_000, frames=100)
CAT = photograph("cat", (45, 30))
FILES = {
    "JPEG": encode(CAT, "JPEG", exif=exif(6)),
    "JPEG, progressive": encode(CAT, "JPEG", progressive=True),
    "JPEG, CMYK": encode(CAT.convert("CMYK"), "JPEG"),
    "PNG": encode(CAT, "PNG"),
    "PNG, palette": encode(CAT.quantize(16), "PNG", transparency=3, exif=exif(8)),
    "APNG": animation(4, "PNG"),
    "WebP, lossy": encode(CAT, "WEBP", exif=exif(3)),
    "WebP, lossless": encode(CAT, "WEBP", lossless=True),
    "WebP, animated": animation(4, "WEBP"),
    "GIF": encode(CAT, "GIF"),
    "GIF, animated": animation(4, "GIF"),
    "BMP": encode(CAT, "BMP"),
    "BMP, palette": encode(CAT.quantize(16), "BMP"),
    "TIFF": encode(CAT, "TIFF", exif=exif(5)),
    "TIFF, LZW": encode(CAT, "TIFF", compression="tiff_lzw"),
    "TIFF, pages": animation(4, "TIFF"),
    "AVIF": encode(CAT, "AVIF", exif=exif(6)),
    "AVIF, animated": animation(4, "AVIF"),
    "HEIC": encode(CAT, "HEIC"),
    "HEIC, Exif": encode(CAT, "HEIC", rotation=3, orientation=6),
}

# Half of all places lie in the first tenth of the file, where the headers are.
PLACES = st.floats(0, 1) | st.floats(0, 0.1)
EXTREMES = st.sampled_from([b"\0", b"\xff", b"\0\0", b"\xff\xff", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", bytes(4)])
EDITS = st.lists(
    st.tuples(st.sampled_from(["replace", "insert", "delete"]), PLACES, st.binary(min_size=1, max_size=8) | EXTREMES),
    min_size=1,
    max_size=4,
)

Edit = tuple[str, float, bytes]


def apply_edits(data: bytes, edits: list[Edit]) -> bytes:
    for kind, place, new in edits:
        at = int(place * len(data))
        skip = 0 if kind == "insert" else len(new)
        data = data[:at] + (b"" if kind == "delete" else new) + data[at + skip :]
    return data


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(edits=EDITS, shorter_side=st.sampled_from([None, 10]))
def test_damage_gives_a_picture_or_blames_the_image(name: str, edits: list[Edit], shorter_side: int | None) -> None:
    data = apply_edits(FILES[name], edits)

    outcome: Picture | ImageRejected
    try:
        outcome = decode(data, limits=LIMITS, shorter_side=shorter_side)
    except ImageRejected as error:
        outcome = error

    assert is_sound(outcome)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    start=st.sampled_from([data[:12] for data in FILES.values()]),
    noise=st.binary(max_size=200),
)
def test_noise_behind_a_signature_is_refused(start: bytes, noise: bytes) -> None:
    with pytest.raises(ImageRejected):
        decode(start + noise, limits=LIMITS)


def is_sound(outcome: Picture | ImageRejected) -> bool:
    """Whether an error has a message, or a picture keeps what `Picture` promises."""
    if isinstance(outcome, ImageRejected):
        return bool(str(outcome))
    return (
        outcome.pixels.mode == "RGB"
        and outcome.pixels.width <= outcome.width
        and outcome.pixels.height <= outcome.height
        and 0 < outcome.scale <= 1
        and outcome.orientation in range(1, 9)
        and 1 <= outcome.frames <= LIMITS.frames
        and outcome.width * outcome.height <= LIMITS.pixels
    )
