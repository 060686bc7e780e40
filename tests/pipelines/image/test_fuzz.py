"""Any damage to any file gives a picture or an error that blames the image, and no other exception.

`make fuzz` runs the tests of parts alone, with as many examples as FUZZ_EXAMPLES says, others in each run.
"""

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.cpu_pool import CpuPool
from pipelines.errors import ImageRejected
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.image.decoders import DecoderLimits, Decoders
from tests.pipelines.image.part_damage import PART_EDITS, PartEdit, damage
from tests.pipelines.image.sound_files import DIVIDED, FILES

# Pillow warns of metadata that it cannot read, and of sizes that are refused in the next step.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

LIMITS = ImageLimits(bytes=100_000, pixels=1_000_000, frames=100)
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1200")) // len(DIVIDED)
IS_FUZZING = "FUZZ_EXAMPLES" in os.environ
DECODER_SECONDS, HUNG_SECONDS = 10.0, 60.0

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


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """As the service decodes: risky formats in a confined process, the others in this one."""
    pool = CpuPool(threads=1)
    confined = Decoders(pool, DecoderLimits(processes=1, seconds=DECODER_SECONDS))
    yield confined
    confined.close()
    pool.close()


@pytest.mark.parametrize("name", DIVIDED)
def test_damaged_parts_give_a_picture_or_blame_the_image(name: str, decoders: Decoders) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=not IS_FUZZING, database=None)
    @given(file=st.integers(0, len(DIVIDED[name]) - 1), edits=PART_EDITS, is_rendered=st.booleans())
    def check(file: int, edits: list[PartEdit], is_rendered: bool) -> None:
        data = damage(DIVIDED[name][file], edits)

        assert is_sound(asyncio.run(decode_or_render(decoders, data, is_rendered=is_rendered)))

    check()

    sound = asyncio.run(decode_or_render(decoders, FILES["TIFF"], is_rendered=False))
    assert isinstance(sound, Picture)


@pytest.mark.parametrize("name", DIVIDED)
def test_files_put_together_unchanged_are_decoded(name: str, decoders: Decoders) -> None:
    files = [damage(file, []) for file in DIVIDED[name][:2]]

    found = [asyncio.run(decode_or_render(decoders, data, is_rendered=False)) for data in files]

    assert [type(one) for one in found] == [Picture] * len(files)


async def decode_or_render(decoders: Decoders, data: bytes, *, is_rendered: bool) -> Picture | ImageRejected:
    """The picture, which `/v1/sanitize` also renders at full size and with its colour profile."""
    try:
        async with asyncio.timeout(HUNG_SECONDS):  # the decoder's own limit must have ended it long before
            picture = await decoders.decode(data, limits=LIMITS)
            if is_rendered:
                await decoders.render(data, limits=LIMITS, longest=64, shorter_side=64)
            return picture
    except ImageRejected as error:
        return error


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
