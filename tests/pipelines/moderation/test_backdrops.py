"""Nothing hides in the alpha of a picture: each backdrop on which people may see it is judged."""

import asyncio
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pipelines.cpu_pool import CpuPool
from pipelines.image.backdrop import list_revealing
from pipelines.image.decode import ImageLimits, Picture, decode
from pipelines.moderation.backdrops import JudgedView, judge_over_backdrops
from pipelines.moderation.domains import DomainLists
from pipelines.moderation.hashes.lists import HashEntry, SearchableHashList
from pipelines.moderation.hashes.pdq import compute_pdq
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline, apply_policy
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.barcodes import BarcodeSignal
from pipelines.moderation.signals.file_hygiene import FileHygieneSignal
from pipelines.moderation.signals.known_images import KnownImageSignal
from pipelines.moderation.types import Moderation
from pipelines.run_context import RunContext
from tests.pipelines.images import encode, frames, photograph
from tests.pipelines.moderation.hash_values import make_searchable_list
from tests.pipelines.moderation.signal_results import make_policy
from tests.pipelines.moderation.signals.test_barcodes import draw_code

CAT, COFFEE = photograph("cat"), photograph("coffee")
SIZE = CAT.size
CODE = draw_code("https://example.com/abc", scale=6).convert("L")
RULES = make_policy(
    code={"signal": "codes.present", "review": 0.5},
    known={"signal": "known.block", "block": 0.3},
    trailing={"signal": "file.trailing", "review": 0.5},
)
FORMATS: dict[str, dict[str, Any]] = {"PNG": {}, "WEBP": {"lossless": True, "exact": True}, "TIFF": {}}


def moderate(data: bytes, options: ModerationOptions | None = None) -> Moderation:
    """With the cat among the known images."""

    async def lists() -> dict[Any, SearchableHashList]:
        return {"block": make_searchable_list(HashEntry(compute_pdq(CAT, *CAT.size).hashes[0], "a cat"))}

    async def domains() -> DomainLists:
        return DomainLists()

    async def policy() -> Policy:
        return RULES

    async def run() -> Moderation:
        pool = CpuPool(threads=1)
        signals = (KnownImageSignal(lists, pool), BarcodeSignal(domains, pool), FileHygieneSignal(pool))
        try:
            pipeline = ModerationPipeline(signals, policy, pool)
            return await pipeline.run(decode(data, limits=ImageLimits()), options or ModerationOptions(), RunContext())
        finally:
            pool.close()

    return asyncio.run(run())


def ink(alpha: Image.Image, level: int) -> Image.Image:
    """One grey level, as much of it as `alpha` says."""
    image = Image.new("RGBA", alpha.size, (level, level, level))
    image.putalpha(alpha)
    return image


def invert(image: Image.Image) -> Image.Image:
    return image.point([255 - level for level in range(256)])


def mix_inks(alpha: Image.Image) -> Image.Image:
    """Black above and white below, so that each backdrop hides half of it."""
    image = ink(alpha, 0)
    below = (0, alpha.height // 2, *alpha.size)
    image.paste(ink(alpha, 255).crop(below), below)
    return image


def found_over(found: Moderation, rule: str) -> list[str]:
    return [one.backdrop for one in found.backdrops or [] if rule in one.rules]


@pytest.mark.parametrize("format", FORMATS)
def test_a_photograph_of_white_ink_is_seen_over_black(format: str) -> None:
    found = moderate(encode(ink(CAT.convert("L"), 255), format, **FORMATS[format]))

    assert found.verdict == "block"
    assert found_over(found, "known") == ["black"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_code_of_white_ink_is_seen_over_black(format: str) -> None:
    found = moderate(encode(ink(invert(CODE), 255), format, **FORMATS[format]))

    assert found.verdict == "review"
    assert "black" in found_over(found, "code")


def test_a_code_of_white_ink_is_seen_in_palettes_and_grey() -> None:
    alpha = invert(CODE)
    palette = alpha.point([0] * 128 + [1] * 128).convert("P")
    palette.putpalette([255] * 6)

    assert moderate(encode(palette, "GIF", transparency=0)).verdict == "review"
    assert moderate(encode(palette, "PNG", transparency=0)).verdict == "review"
    assert moderate(encode(ink(alpha, 255).convert("LA"), "PNG")).verdict == "review"


def test_a_photograph_of_black_ink_is_seen_over_white() -> None:
    assert moderate(encode(ink(invert(CAT.convert("L")), 0), "PNG")).verdict == "block"


@pytest.mark.parametrize("alpha", [0, 1, 40])
def test_colours_under_transparent_pixels_are_seen(alpha: int) -> None:
    image = CAT.copy()
    image.putalpha(alpha)

    assert moderate(encode(image, "PNG")).verdict == "block"


def test_colours_under_a_pattern_of_alpha_are_seen() -> None:
    image = CAT.copy()
    noise = np.random.default_rng(3).integers(0, 2, (SIZE[1] // 20, SIZE[0] // 20)).astype(np.uint8) * 255
    image.putalpha(Image.fromarray(noise).resize(SIZE, Image.Resampling.NEAREST))

    found = moderate(encode(image, "PNG"))

    assert found_over(found, "known") == ["none"]


def test_the_strictest_verdict_counts_wherever_it_is() -> None:
    image = COFFEE.resize(SIZE)
    image.putalpha(255)
    image.paste(ink(invert(CODE).resize((150, 150), Image.Resampling.NEAREST), 255), (20, 20))

    assert moderate(encode(image, "PNG")).verdict == "review"


def test_rules_name_each_signal_once() -> None:
    found = moderate(encode(ink(invert(CODE), 0), "PNG") + b"x" * 100_000)

    names = [rule.rule for rule in found.rules]
    assert len(names) == len(set(names))
    assert "trailing" in names


def test_an_opaque_picture_has_one_view() -> None:
    image = COFFEE.copy()
    image.putalpha(255)

    assert moderate(encode(image, "PNG")).backdrops is None
    assert moderate(encode(COFFEE, "PNG")).backdrops is None


def test_signals_of_the_file_alone_need_one_view() -> None:
    found = moderate(encode(ink(invert(CODE), 255), "PNG"), ModerationOptions(signals=("file",)))

    assert found.backdrops is None


def test_the_preview_shows_the_strictest_view() -> None:
    previews = [
        moderate(encode(image, "PNG"), ModerationOptions(preview=True)).preview
        for image in (ink(CAT.convert("L"), 255), CAT.convert("L").convert("RGB"))
    ]

    assert previews[0] == previews[1]


def test_mixed_inks_are_seen_over_grey() -> None:
    alpha = Image.new("L", (300, 120), 0)
    ImageDraw.Draw(alpha).text((20, 10), "Total\n4,318", 255, ImageFont.load_default(40))

    assert "grey" in list_revealing(decode(encode(mix_inks(alpha), "PNG"), limits=ImageLimits()))


def test_ordinary_cutouts_need_no_view_without_alpha() -> None:
    alpha = Image.new("L", (400, 300), 0)
    ImageDraw.Draw(alpha).ellipse((60, 40, 340, 260), fill=255)
    image = COFFEE.resize((400, 300))
    cutout = Image.new("RGBA", image.size, (0, 0, 0, 0))
    cutout.paste(image, (0, 0), alpha)
    cutout.putalpha(alpha.filter(ImageFilter.GaussianBlur(1)))

    assert list_revealing(decode(encode(cutout, "PNG"), limits=ImageLimits())) == ["black"]


def test_frames_of_an_animation_share_nothing() -> None:
    first, second = (one.convert("RGBA") for one in frames(2))

    data = encode(first, "PNG", save_all=True, append_images=[second])

    assert moderate(data).backdrops is None


def judge_views(size: tuple[int, int], shorter_side: int | None) -> tuple[list[tuple[int, int]], int]:
    """The sizes of the views that are judged, and how many there are in memory at the most."""
    sizes, views, most = [], list[ReferenceType[Image.Image]](), 0

    async def judge(picture: Picture, context: RunContext) -> Moderation:
        nonlocal most
        sizes.append(picture.pixels.size)
        views.append(ref(picture.pixels))
        most = max(most, sum(view() is not None for view in views))
        return apply_policy(RULES, {}, None)

    async def run() -> None:
        pool = CpuPool(threads=1)
        alpha = CODE.convert("L").resize(size)
        picture = decode(encode(mix_inks(alpha), "PNG"), limits=ImageLimits(), shorter_side=shorter_side)
        context = RunContext()
        try:
            first = JudgedView(picture, context, await judge(picture, context))
            await judge_over_backdrops(first, judge, pool, shorter_side)
        finally:
            pool.close()

    asyncio.run(run())
    return sizes, most


def test_further_views_are_as_small_as_signals_can_use() -> None:
    sizes, _ = judge_views((900, 600), shorter_side=150)

    assert set(sizes[1:]) == {(225, 150)}


def test_views_keep_all_pixels_where_a_signal_needs_them() -> None:
    sizes, _ = judge_views((900, 600), shorter_side=None)

    assert len(sizes) > 1
    assert set(sizes) == {(900, 600)}


def test_a_view_is_gone_before_the_next_is_rendered() -> None:
    _, most = judge_views((900, 600), shorter_side=None)

    assert most == 2  # that over white, and another
