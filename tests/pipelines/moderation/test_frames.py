"""Later frames are judged as the first one is, and the strictest verdict counts."""

import asyncio
from collections.abc import Iterator

import pytest
from PIL import Image

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits
from pipelines.image.decoders import Decoders
from pipelines.image.frame_reader import FrameReader
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.pipeline import ModerationPipeline
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.signal import Signal
from pipelines.moderation.types import Moderation
from pipelines.run_context import RunContext
from tests.pipelines.images import encode
from tests.pipelines.moderation.signal_results import make_policy
from tests.pipelines.test_page_moderation import Darkness, Whole

RULES = make_policy(
    dark={"signal": "darkness", "review": 0.4, "block": 0.9},
    file={"signal": "whole", "block": 0.9},
    unseen={"signal": "frames.unseen", "review": 0.5},
)
FORMATS = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")
WHITE, DIM, BLACK, BLUE = (Image.new("RGB", (64, 48), colour) for colour in ("white", "dimgrey", "black", "blue"))


@pytest.fixture(scope="module")
def decoders() -> Iterator[tuple[CpuPool, Decoders]]:
    """With real processes for AVIF and TIFF."""
    pool = CpuPool(threads=1)
    decoders = Decoders(pool)
    yield pool, decoders
    decoders.close()
    pool.close()


def moderate(
    decoders: tuple[CpuPool, Decoders],
    data: bytes,
    *signals: Signal,
    most: int = 5,
    options: ModerationOptions | None = None,
) -> Moderation:
    async def policy() -> Policy:
        return RULES

    async def run() -> Moderation:
        pool, own = decoders
        limits = ImageLimits()
        pipeline = ModerationPipeline(signals or (Darkness(),), policy, pool, frames=FrameReader(own, limits, most))
        first = await own.decode(data, limits=limits)
        picture = await FrameReader(own, limits, most).choose(first, None, is_judged=True)
        return await pipeline.run(picture, options or ModerationOptions(), RunContext())

    return asyncio.run(run())


def animate(format: str, *pictures: Image.Image) -> bytes:
    return encode(pictures[0], format, save_all=True, append_images=pictures[1:])


def verdicts(found: Moderation) -> list[tuple[int, str]]:
    return [(one.number, one.verdict) for one in found.frames or ()]


@pytest.mark.parametrize("format", FORMATS)
def test_a_later_frame_is_blocked(decoders: tuple[CpuPool, Decoders], format: str) -> None:
    found = moderate(decoders, animate(format, WHITE, BLACK))

    assert found.verdict == "block"
    assert verdicts(found) == [(1, "allow"), (2, "block")]


def test_a_hidden_default_image_is_judged(decoders: tuple[CpuPool, Decoders]) -> None:
    data = encode(BLACK, "PNG", save_all=True, append_images=[WHITE, BLUE], default_image=True)

    assert moderate(decoders, data).verdict == "block"


def test_the_animation_behind_a_default_image_is_judged(decoders: tuple[CpuPool, Decoders]) -> None:
    data = encode(WHITE, "PNG", save_all=True, append_images=[BLUE, BLACK], default_image=True)

    assert moderate(decoders, data).verdict == "block"


def test_nothing_is_judged_after_a_blocked_frame(decoders: tuple[CpuPool, Decoders]) -> None:
    signal = Darkness()

    moderate(decoders, animate("PNG", BLACK, WHITE, BLUE), signal)

    assert len(signal.seen) == 1


def test_a_still_picture_has_no_frames(decoders: tuple[CpuPool, Decoders]) -> None:
    found = moderate(decoders, encode(WHITE, "PNG"))

    assert found.frames is None
    assert "frames" not in found.signals


def test_the_signal_says_how_many_were_looked_at(decoders: tuple[CpuPool, Decoders]) -> None:
    found = moderate(decoders, animate("PNG", WHITE, DIM, BLUE), most=2)

    assert found.signals["frames"].evidence[0].detail == "looked at 2 of 3"


def test_the_policy_decides_on_what_was_not_looked_at(decoders: tuple[CpuPool, Decoders]) -> None:
    found = moderate(decoders, animate("PNG", WHITE, BLUE), most=1)

    assert found.verdict == "review"
    assert [rule.rule for rule in found.rules] == ["unseen"]


def test_a_signal_of_the_file_runs_once(decoders: tuple[CpuPool, Decoders]) -> None:
    signal = Whole()

    moderate(decoders, animate("PNG", WHITE, DIM), Darkness(), signal)

    assert len(signal.seen) == 1


def test_each_frame_has_a_hash_of_its_own(decoders: tuple[CpuPool, Decoders]) -> None:
    signal = Darkness()

    moderate(decoders, animate("PNG", WHITE, DIM, BLUE), signal)

    assert len({picture.sha256 for picture in signal.seen}) == 3


def test_the_preview_is_of_the_strictest_frame(decoders: tuple[CpuPool, Decoders]) -> None:
    options = ModerationOptions(preview=True)

    alone = moderate(decoders, encode(BLACK, "PNG"), options=options)
    among = moderate(decoders, animate("PNG", WHITE, BLACK), options=options)

    assert among.preview == alone.preview
