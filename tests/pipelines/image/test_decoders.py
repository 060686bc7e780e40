"""Decoding in confined processes gives what decoding here gives, and whatever happens to them stays there."""

import asyncio
import json
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.errors import DecoderUnavailable, ImageDecoderFailed, ImageRejected, ImageTooLarge
from pipelines.image import harmful_files
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.image.decoders import ALL_FORMATS, DecoderLimits, Decoders
from pipelines.image.rendering import render
from tests.pipelines.descriptors import few_descriptors
from tests.pipelines.image.crashing_decoder import CRASH, HANG, LIE
from tests.pipelines.image.icc_profiles import DISPLAY_P3, srgb_curve, write_rgb_profile
from tests.pipelines.image.test_coded_colours import name_codes
from tests.pipelines.image.test_deep_pixels import deep_colours
from tests.pipelines.images import animation, encode, exif, grey_tiff, photograph

# Pillow warns of metadata that it cannot read.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = ImageLimits()
CAT = photograph("cat", (120, 80))
GLASS = CAT.copy()
GLASS.putalpha(Image.linear_gradient("L").resize(CAT.size))
TIFF = encode(CAT, "TIFF")
PROFILE = encode(CAT, "TIFF", icc_profile=b"damaged")
FILES = {
    "HEIC": encode(CAT, "HEIC"),
    "HEIC, turned": encode(CAT, "HEIC", rotation=3, orientation=6),
    "AVIF": encode(CAT, "AVIF", exif=exif(6)),
    "AVIF, transparent": encode(CAT.convert("RGBA"), "AVIF"),
    "AVIF, animated": animation(4, "AVIF"),
    "TIFF": TIFF,
    "TIFF, LZW": encode(CAT, "TIFF", compression="tiff_lzw", exif=exif(5)),
    "TIFF, JPEG": encode(CAT, "TIFF", compression="jpeg"),
    "TIFF, fax": encode(CAT.convert("1"), "TIFF", compression="group4"),
    "TIFF, palette": encode(CAT.quantize(16), "TIFF"),
    "TIFF, CMYK": encode(CAT.convert("CMYK"), "TIFF"),
    "TIFF, transparent": encode(CAT.convert("LA"), "TIFF"),
    "TIFF, 16 bits": grey_tiff(np.full((8, 8), 20_000, np.uint16)),
    "TIFF, floats": grey_tiff(np.full((8, 8), 0.5, np.float32), sample_format=3),
    "TIFF, damaged profile": PROFILE,
    "TIFF, wide colours": encode(CAT, "TIFF", icc_profile=write_rgb_profile(DISPLAY_P3, srgb_curve)),
    "TIFF, half transparent": encode(GLASS, "TIFF"),
    "TIFF, half transparent grey": encode(GLASS.convert("LA"), "TIFF"),
    "TIFF, 12 bits of colours": deep_colours(np.asarray(CAT).astype(np.uint16) * np.uint16(16), "TIFF, LZW"),
    "AVIF, half transparent": encode(GLASS, "AVIF"),
    "AVIF, wide colours": name_codes(CAT, "AVIF", 12, 8),
    "JPEG": encode(CAT, "JPEG", exif=exif(6)),
    "PNG": encode(CAT.convert("RGBA"), "PNG"),
    "WebP": encode(CAT, "WEBP"),
    "GIF": animation(4, "GIF"),
    "BMP": encode(CAT, "BMP"),
}
CRASHING, HANGING = TIFF + CRASH, TIFF + HANG
DEFECTIVE = "tests.pipelines.image.crashing_decoder"
R = TypeVar("R")


@asynccontextmanager
async def open_decoders(**options: Any) -> AsyncIterator[Decoders]:
    module = {"module": options.pop("module")} if "module" in options else {}
    pool = CpuPool(threads=1)
    decoders = Decoders(pool, DecoderLimits(**options), **module)
    try:
        yield decoders
    finally:
        decoders.close()
        pool.close()


def run(work: Callable[[Decoders], Awaitable[R]], **options: Any) -> R:
    async def scene() -> R:
        async with open_decoders(**options) as decoders:
            return await work(decoders)

    return asyncio.run(scene())


def facts(picture: Picture) -> dict[str, Any]:
    found = {one.name: getattr(picture, one.name) for one in fields(picture) if one.name != "data"}
    images = {name: value for name, value in found.items() if isinstance(value, Image.Image)}
    return found | {name: (image.mode, image.size, image.tobytes()) for name, image in images.items()}


async def outcome(work: Awaitable[Picture]) -> str:
    try:
        return (await work).format
    except (ImageRejected, DecoderUnavailable) as error:
        return str(error)


def test_a_process_decodes_every_format_as_this_one_does() -> None:
    async def decode_all(decoders: Decoders) -> dict[str, Picture]:
        return {name: await decoders.decode(data, limits=LIMITS) for name, data in FILES.items()}

    found = run(decode_all, formats=ALL_FORMATS)

    for name, data in FILES.items():
        assert facts(found[name]) == facts(decode(data, limits=LIMITS)), name


def test_a_process_renders_every_format_as_this_one_does() -> None:
    async def render_all(decoders: Decoders) -> dict[str, Image.Image]:
        options: dict[str, Any] = {"limits": LIMITS, "longest": 60, "shorter_side": 60}
        return {name: await decoders.render(data, **options) for name, data in FILES.items()}

    for name, image in run(render_all, formats=ALL_FORMATS).items():
        expected = render(FILES[name], limits=LIMITS, longest=60, shorter_side=60)
        assert (image.mode, image.size, image.tobytes()) == (expected.mode, expected.size, expected.tobytes()), name


def test_frames_of_a_tiff_are_decoded_one_by_one() -> None:
    data = animation(4, "TIFF")

    page = run(lambda decoders: decoders.decode(data, limits=LIMITS, frame=2))

    assert facts(page) == facts(decode(data, limits=LIMITS, frame=2))


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (TIFF[:100], LIMITS),
        (FILES["HEIC"][:-100], LIMITS),
        (FILES["AVIF"][:200], LIMITS),
        (TIFF, ImageLimits(pixels=100)),
        (TIFF, ImageLimits(bytes=100)),
        (animation(4, "TIFF"), ImageLimits(frames=3)),
        (b"", LIMITS),
        (b"II*\0", LIMITS),
        (b"nothing", LIMITS),
    ],
)
def test_a_process_refuses_what_this_one_refuses(data: bytes, limits: ImageLimits) -> None:
    with pytest.raises(ImageRejected) as expected:
        decode(data, limits=limits)

    with pytest.raises(ImageRejected) as found:
        run(lambda decoders: decoders.decode(data, limits=limits))

    assert (type(found.value), str(found.value)) == (type(expected.value), str(expected.value))


def test_a_file_that_crashes_its_decoder_fails_alone() -> None:
    async def decode_both(decoders: Decoders) -> list[str]:
        files = (TIFF, CRASHING, TIFF, FILES["JPEG"], TIFF)
        return await asyncio.gather(*(outcome(decoders.decode(data, limits=LIMITS)) for data in files))

    found = run(decode_both, module=DEFECTIVE)

    assert found == ["TIFF", "this TIFF ends its decoder", "TIFF", "JPEG", "TIFF"]


def test_a_file_that_hangs_its_decoder_fails_alone() -> None:
    async def decode_both(decoders: Decoders) -> list[str]:
        files = (HANGING, TIFF, FILES["JPEG"], TIFF)
        return await asyncio.gather(*(outcome(decoders.decode(data, limits=LIMITS)) for data in files))

    found = run(decode_both, module=DEFECTIVE, seconds=1.0)

    assert found == ["this TIFF takes more than 1 s", "TIFF", "JPEG", "TIFF"]


def test_ended_decoders_are_counted_by_reason() -> None:
    async def decode_three(decoders: Decoders) -> dict[str, int]:
        for data in (HANGING, CRASHING, TIFF):
            await outcome(decoders.decode(data, limits=LIMITS))
        return decoders.deaths.by_reason()

    assert run(decode_three, module=DEFECTIVE, seconds=1.0) == {"late": 1, "died": 2}  # a crash is tried again


@pytest.mark.parametrize(
    "lie",
    [
        {"facts": {"width": "120"}},
        {"facts": {"width": -1}},
        {"facts": {"width": True}},
        {"facts": {"width": 10**9}},
        {"facts": {"height": None}},
        {"facts": {"orientation": 9}},
        {"facts": {"frames": 1_000_000}},
        {"facts": {"format": "PDF"}},
        {"facts": {"mode": ["RGB"]}},
        {"facts": {"mode": "\ud800"}},
        {"facts": {"has_alpha": "yes"}},
        {"facts": {"error": ["image-corrupt"], "message": "x"}},
        {"facts": {"error": "nonsense", "message": "x"}},
        {"facts": {"error": "image-corrupt", "message": {"a": 1}}},
        {"facts": {"error": "image-corrupt", "message": "\ud800"}},
        {"facts": {"error": "image-corrupt", "message": "x" * 10_000}},
        {"shape": [1, 2, 3, 4]},
        {"shape": [80, 0, 3]},
        {"shape": [80, 120, 5]},
        {"shape": [81, 120, 3]},
        {"shape": [80, 120, 3], "dtype": "<f4"},
    ],
    ids=lambda lie: str(lie)[:60],
)
def test_a_process_that_replies_nonsense_is_replaced(lie: dict[str, Any]) -> None:
    lying = TIFF + LIE + json.dumps(lie).encode()

    async def decode_around_a_lie(decoders: Decoders) -> list[str]:
        return [await outcome(decoders.decode(data, limits=LIMITS)) for data in (TIFF, lying, TIFF)]

    assert run(decode_around_a_lie, module=DEFECTIVE) == [
        "TIFF",
        "the decoder's answer about this image makes no sense",
        "TIFF",
    ]


def test_a_rendering_over_the_requested_size_is_nonsense() -> None:
    lying = TIFF + LIE + json.dumps({"shape": [61, 60, 3]}).encode()

    with pytest.raises(ImageDecoderFailed, match="makes no sense"):
        run(lambda decoders: decoders.render(lying, limits=LIMITS, longest=60, shorter_side=60), module=DEFECTIVE)


@pytest.mark.parametrize("free", range(5))
def test_a_process_that_cannot_be_started_is_the_services_problem(free: int) -> None:
    async def decode_without_descriptors(decoders: Decoders) -> list[str]:
        with few_descriptors(free):
            refused = await outcome(decoders.decode(TIFF, limits=LIMITS))
        return [refused[:28], await outcome(decoders.decode(TIFF, limits=LIMITS))]

    assert run(decode_without_descriptors) == ["no decoder can be started no", "TIFF"]


@pytest.mark.parametrize("free", range(2))
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])  # the file needs memory, or only its pixels do
def test_memory_that_cannot_be_handed_over_is_the_services_problem(compression: str, free: int) -> None:
    large = encode(Image.new("RGB", (1_500, 1_000)), "TIFF", compression=compression)

    async def decode_without_descriptors(decoders: Decoders) -> list[str]:
        await decoders.decode(TIFF, limits=LIMITS)
        with few_descriptors(free):
            refused = [await outcome(decoders.decode(large, limits=LIMITS)) for _ in range(2)]
        return [*(one[:28] for one in refused), await outcome(decoders.decode(large, limits=LIMITS))]

    assert run(decode_without_descriptors) == ["no decoder can be started no"] * 2 + ["TIFF"]


def test_closing_ends_what_hangs() -> None:
    async def close_meanwhile(decoders: Decoders) -> str:
        await decoders.decode(TIFF, limits=LIMITS)
        hanging = asyncio.create_task(outcome(decoders.decode(HANGING, limits=LIMITS)))
        await asyncio.sleep(0.1)
        decoders.close()
        return await hanging

    found = run(close_meanwhile, module=DEFECTIVE, processes=1)  # its own limit of 20 s would give another answer

    assert found == "no decoder can be started now (the service is shutting down); try again in a moment"


def test_a_file_that_ended_two_decoders_is_refused_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    async def decode_again(decoders: Decoders) -> list[str]:
        first, second = [await outcome(decoders.decode(CRASHING, limits=LIMITS)) for _ in range(2)]
        other = await outcome(decoders.decode(TIFF, limits=LIMITS))
        monkeypatch.setattr(harmful_files, "REFUSED_SECONDS", 0.0)
        return [first, second, other, await outcome(decoders.decode(CRASHING, limits=LIMITS))]

    assert run(decode_again, module=DEFECTIVE) == [
        "this TIFF ends its decoder",
        "this TIFF has ended its decoders; it is refused for 600 s",
        "TIFF",
        "this TIFF ends its decoder",
    ]


def test_a_process_that_died_in_between_is_replaced() -> None:
    async def decode_around_a_kill(decoders: Decoders) -> list[str]:
        first = await outcome(decoders.decode(TIFF, limits=LIMITS))
        for pid in decoders.process_ids:
            os.kill(pid, signal.SIGKILL)
        return [first, await outcome(decoders.decode(TIFF, limits=LIMITS))]

    assert run(decode_around_a_kill) == ["TIFF", "TIFF"]


def test_a_picture_beyond_the_memory_of_its_process_is_too_large() -> None:
    large = encode(Image.new("RGB", (8_000, 6_000)), "TIFF", compression="tiff_lzw")

    with pytest.raises(ImageTooLarge, match="memory"):
        run(lambda decoders: decoders.decode(large, limits=LIMITS), memory=2**29)


def test_a_process_that_decoded_a_large_picture_is_replaced() -> None:
    large = encode(Image.new("RGB", (6_000, 4_000)), "TIFF", compression="tiff_lzw")

    async def decode_both(decoders: Decoders) -> list[int]:
        await decoders.decode(TIFF, limits=LIMITS)
        before = decoders.process_ids
        await decoders.decode(large, limits=LIMITS)
        return [pid for pid in before if Path(f"/proc/{pid}").exists()]

    assert run(decode_both, processes=1) == []


def test_only_risky_formats_leave_this_process() -> None:
    async def count_processes(decoders: Decoders) -> list[int]:
        counts = []
        for name in ("JPEG", "PNG", "WebP", "GIF", "BMP", "HEIC"):
            await decoders.decode(FILES[name], limits=LIMITS)
            counts.append(len(decoders.process_ids))
        return counts

    assert run(count_processes) == [0, 0, 0, 0, 0, 1]


def test_health_decodes_an_image_in_both_ways() -> None:
    async def check(decoders: Decoders) -> tuple[dict[str, str | None], int]:
        return await decoders.check(after_seconds=10), len(decoders.process_ids)

    assert run(check) == ({"common formats": None, "confined": None}, 1)


def test_health_notices_that_all_threads_are_stuck() -> None:
    async def check() -> str | None:
        pool, release = CpuPool(threads=1), threading.Event()
        decoders = Decoders(pool)
        stuck = asyncio.create_task(pool.run(release.wait))
        await asyncio.sleep(0)
        try:
            return (await decoders.check(after_seconds=0, timeout_seconds=0.2))["common formats"]
        finally:
            release.set()
            await stuck
            decoders.close()
            pool.close()

    assert asyncio.run(check()) == "no image was decoded within 0.2 s"
