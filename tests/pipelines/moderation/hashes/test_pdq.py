"""PDQ against the reference: hashes and qualities in the tables are what the `pdqhash` package 0.2.8 computes."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from pipelines.image.decode import ImageLimits, decode
from pipelines.moderation.hashes.pdq import PdqHashes, compute_pdq
from tests.conftest import Jpeg
from tests.pipelines.images import encode, photograph

PHOTOGRAPHS = [
    ("astronaut", "2d6b1af3a956c529e79ca3d2526fa834d4196c81cedd04de0a26b855fc99b724", 100),
    ("brick", "bed7058ba2005a4b071bb8a4cc6278789fbc02cfcd30d1d73fa71673c67945d2", 100),
    ("camera", "dc9c9d3b746978f888f40ce6e5c3f70f7266623e8d989cb99f21f2010841e1c7", 100),
    ("cat", "5feb5321f01da156898e2bf629a5d3438412cdbd23f48942464526315db33ffd", 100),
    ("checkerboard", "1f2a15003f2aff2abf2aff2abf2aff2a00d500d5bf2a00d5bf2a00d5bf2a00d5", 100),
    ("clock", "26cc3ccc933373334c34d778acc94cccb326f3394c932666934cd99d25337674", 34),
    ("coins", "8ee552196df86aa552b514e6e505e0319aeb1aaea4a5d935dd4a675a1a56a555", 100),
    ("colorwheel", "94939c2c53c7530c4a93f5b42ad6ae3cab4b38c64516c5f4549b9d98aaeb3363", 100),
    ("grass", "4d9744ef90f2838aad0cc467c8d3a1f626c43658a77772688de65daa09c38bb7", 100),
    ("gravel", "175218961ce0d0e173a59bdf48d052f73a3c1632c4927712365efbbe569c8177", 100),
    ("horse", "690d885b2f16c1de5966d6f2fa01a2d8a857ae1eb5d645d6d93634b001a5e92f", 100),
    ("moon", "131645cde366d981e1e371b264d8b25b9e4d13771d8c4f366d946ca57133d0c9", 83),
    ("page", "965b26d62ed3636b192ccdddcc91d88c3925812979849815e37b1cce4732a6fb", 100),
    ("text", "f46721c01b1bd9936bb5cde6660a8a12430c6c9d25d95e47cbe2a6b89d6e6786", 100),
]
# At their full size, which is over 512 pixels: that is what `pdqhash` hashes.
LARGE = [
    ("coffee", "8c629e779a663698b9a33866c026726c21a679f61eb6e1f8c79ba7e23c8299e0", 100),
    ("rocket", "8792786c87937064bf1bc0e43f1fc0e03f1cc2e33da4c2537cec821b2ce4f376", 100),
]
DRAWINGS = [
    ((64, 64), "black", None, "0000000000000000000000000000000000000000000000000000000000000000", 0),
    ((120, 90), (200, 200, 200), None, "0000113411342c4b2c4b554b11342c4b00000000000000002c4b13a01134585e", 0),
    (
        (300, 200), "white", ((40, 40, 260, 160), (200, 30, 60)),
        "d02f2fd02fd02fd02fd0d02fd02fd02fd02f2fd0d02f2fd02fd02fd02fd0d02f", 100,
    ),
    (
        (64, 64), "white", ((5, 9, 40, 50), (20, 130, 60)),
        "0000b249b2494db6b2494db64db64db64db6b2494db6b249b249b249b2494db6", 100,
    ),
    (
        (9, 5), "black", ((2, 1, 5, 3), "white"),
        "d3692c962c96d3692c96d3692c960000d369d369d3692c962c962c962c96d369", 100,
    ),
    ((4, 100), "red", None, "0000000000000000000000000000000000000000000000000000000000000000", 0),
]  # fmt: skip


def hash_picture(image: Image.Image, *, dihedral: bool = False) -> PdqHashes:
    return compute_pdq(image, *image.size, dihedral=dihedral)


def count_differing_bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.mark.parametrize(("name", "hash", "quality"), PHOTOGRAPHS)
def test_photographs_have_the_reference_hash_to_the_bit(name: str, hash: str, quality: int) -> None:
    found = hash_picture(photograph(name))

    assert [one.hex() for one in found.hashes] == [hash]
    assert found.quality == quality


@pytest.mark.parametrize(("size", "ground", "shape", "hash", "quality"), DRAWINGS)
def test_symmetrical_drawings_have_the_reference_hash(
    size: tuple[int, int],
    ground: str | tuple[int, int, int],
    shape: tuple[tuple[int, int, int, int], str | tuple[int, int, int]] | None,
    hash: str,
    quality: int,
) -> None:
    image = Image.new("RGB", size, ground)
    if shape is not None:
        ImageDraw.Draw(image).rectangle(shape[0], fill=shape[1])

    found = hash_picture(image)

    assert found.hashes[0].hex() == hash
    assert found.quality == quality


@pytest.mark.parametrize(("name", "hash", "quality"), LARGE)
def test_the_hash_at_full_size_is_the_references_within_8_bits(name: str, hash: str, quality: int) -> None:
    found = hash_picture(photograph(name))

    assert len(found.hashes) == 2
    assert count_differing_bits(found.hashes[1], bytes.fromhex(hash)) <= 8
    assert found.quality == quality


@pytest.mark.parametrize("name", ["astronaut", "cat", "coffee", "rocket", "camera", "coins"])
def test_copies_of_any_size_and_quality_match(name: str) -> None:
    original = photograph(name)
    sizes = [(original.width * longer // 600, original.height * longer // 600) for longer in (240, 500, 1200, 2400)]
    copies = [Image.open(io.BytesIO(encode(original.resize(size), "JPEG", quality=60))) for size in sizes]

    distances = [
        min(
            count_differing_bits(one, hash)
            for one in hash_picture(copy).hashes
            for hash in hash_picture(original).hashes
        )
        for copy in copies
    ]

    assert [distance for distance in distances if distance > 31] == []


def test_different_photographs_are_far_apart() -> None:
    hashes = [bytes.fromhex(hash) for _, hash, _ in PHOTOGRAPHS]

    nearest = min(count_differing_bits(one, other) for index, one in enumerate(hashes) for other in hashes[:index])

    assert nearest > 80


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_turned_and_mirrored_copies_have_one_of_the_eight_hashes(name: str) -> None:
    original = photograph(name, (300, 240))
    hashes = hash_picture(original, dihedral=True).hashes
    copies = [ImageOps.mirror(original), ImageOps.flip(original)]
    copies += [original.transpose(turn) for turn in Image.Transpose]

    distances = [min(count_differing_bits(hash_picture(copy).hashes[0], hash) for hash in hashes) for copy in copies]

    # Windows of an even number of pixels lie beside their centre, which turns with the image.
    assert [distance for distance in distances if distance > 31] == []
    assert len(set(hashes)) == 8


def test_the_first_of_the_eight_hashes_is_the_images_own() -> None:
    image = photograph("cat")

    assert hash_picture(image, dihedral=True).hashes[0] == hash_picture(image).hashes[0]


def test_decoding_at_a_smaller_scale_changes_at_most_6_bits(jpeg: Jpeg) -> None:
    data = encode(Image.open(io.BytesIO(jpeg("astronaut"))).resize((2048, 2048)), "JPEG")
    full, scaled = (decode(data, limits=ImageLimits(), shorter_side=side) for side in (None, 512))

    one, other = (compute_pdq(picture.pixels, picture.width, picture.height).hashes for picture in (full, scaled))

    assert scaled.pixels.size == (512, 512)
    assert max(map(count_differing_bits, one, other)) <= 6


def test_images_of_low_quality_are_not_hashable() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)

    assert not hash_picture(Image.new("RGB", (100, 100), "white")).is_hashable
    assert not hash_picture(photograph("clock")).is_hashable
    assert hash_picture(photograph("cat")).is_hashable
    assert hash_picture(Image.fromarray(noise)).is_hashable


@pytest.mark.parametrize("size", [(1, 1), (5, 5), (5, 3000), (3000, 5), (63, 513), (513, 64), (512, 513), (129, 700)])
def test_any_shape_can_be_hashed(size: tuple[int, int]) -> None:
    found = hash_picture(photograph("cat", size), dihedral=True)

    assert [len(one) for one in found.hashes] in ([32], [32] * 8, [32] * 16)
