"""Later frames are judged as the first one is, and the strictest verdict counts."""

import pytest
from PIL import Image

from pipelines.image.frame_views import SurveyPlan
from pipelines.moderation.options import ModerationOptions
from pipelines.moderation.policy import Policy
from pipelines.moderation.signals.signal import Signal
from pipelines.moderation.types import Moderation
from tests.pipelines.image.frame_surveys import animate
from tests.pipelines.images import encode
from tests.pipelines.moderation import frame_moderation
from tests.pipelines.moderation.frame_moderation import PoolAndDecoders, decoders
from tests.pipelines.moderation.signal_results import make_policy
from tests.pipelines.test_page_moderation import Darkness, Whole

__all__ = ["decoders"]

RULES = make_policy(
    dark={"signal": "darkness", "review": 0.4, "block": 0.9},
    file={"signal": "whole", "block": 0.9},
    unseen={"signal": "frames.unseen", "review": 0.5},
)
FORMATS = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")
WHITE, DIM, BLACK, BLUE = (Image.new("RGB", (64, 48), colour) for colour in ("white", "dimgrey", "black", "blue"))


def moderate(
    decoders: PoolAndDecoders,
    data: bytes,
    *signals: Signal,
    policy: Policy = RULES,
    most: int = 5,
    options: ModerationOptions | None = None,
    plan: SurveyPlan | None = None,
) -> Moderation:
    signals = signals or (Darkness(),)
    return frame_moderation.moderate(decoders, data, *signals, policy=policy, most=most, options=options, plan=plan)


def verdicts(found: Moderation) -> list[tuple[int, str]]:
    return [(one.number, one.verdict) for one in found.frames or ()]


@pytest.mark.parametrize("format", FORMATS)
def test_a_later_frame_is_blocked(decoders: PoolAndDecoders, format: str) -> None:
    found = moderate(decoders, animate(format, WHITE, BLACK))

    assert found.verdict == "block"
    assert verdicts(found) == [(1, "allow"), (2, "block")]


def test_a_hidden_default_image_is_judged(decoders: PoolAndDecoders) -> None:
    data = encode(BLACK, "PNG", save_all=True, append_images=[WHITE, BLUE], default_image=True)

    assert moderate(decoders, data).verdict == "block"


def test_the_animation_behind_a_default_image_is_judged(decoders: PoolAndDecoders) -> None:
    data = encode(WHITE, "PNG", save_all=True, append_images=[BLUE, BLACK], default_image=True)

    assert moderate(decoders, data).verdict == "block"


def test_nothing_is_judged_after_a_blocked_frame(decoders: PoolAndDecoders) -> None:
    signal = Darkness()

    moderate(decoders, animate("PNG", BLACK, WHITE, BLUE), signal)

    assert len(signal.seen) == 1


def test_a_still_picture_has_no_frames(decoders: PoolAndDecoders) -> None:
    found = moderate(decoders, encode(WHITE, "PNG"))

    assert found.frames is None
    assert "frames" not in found.signals


def test_the_signal_says_how_many_were_looked_at(decoders: PoolAndDecoders) -> None:
    found = moderate(decoders, animate("PNG", WHITE, DIM, BLUE), most=2)

    signal = found.signals["frames"]
    assert (signal.looked_at, signal.total) == (2, 3)
    assert signal.evidence[0].detail == "looked at 2 of 3"
    assert signal.scores["unseen_frames"] == pytest.approx(1 / 3, abs=1e-4)


def test_the_signal_says_that_a_block_ended_the_search(decoders: PoolAndDecoders) -> None:
    found = moderate(decoders, animate("PNG", WHITE, BLACK, BLUE, DIM))

    signal = found.signals["frames"]
    looked_at = len(found.frames or ())
    assert (signal.looked_at, signal.total) == (looked_at, 4)
    assert signal.evidence[0].detail == f"looked at {looked_at} of 4: frame 2 is blocked, and none was judged after it"
    assert signal.scores == {}


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_a_verdict_has_its_time(decoders: PoolAndDecoders, format: str) -> None:
    found = moderate(decoders, animate(format, WHITE, BLUE, DIM, durations=[500, 250, 100]))

    assert [(one.number, one.seconds, one.page) for one in found.frames or ()] == [
        (1, 0, None), (2, 0.5, None), (3, 0.75, None),
    ]  # fmt: skip


def test_a_verdict_has_its_page(decoders: PoolAndDecoders) -> None:
    found = moderate(decoders, animate("TIFF", WHITE, BLUE))

    assert [(one.page, one.seconds) for one in found.frames or ()] == [(1, None), (2, None)]


@pytest.mark.parametrize("on_error", ["allow", "review", "block"])
def test_on_error_decides_on_frames_beyond_a_limit(decoders: PoolAndDecoders, on_error: str) -> None:
    policy = make_policy(on_error, dark={"signal": "darkness", "block": 0.9})  # no rule on frames

    found = moderate(decoders, animate("GIF", WHITE, BLUE, DIM), policy=policy, plan=SurveyPlan(pixels=64 * 48))

    assert found.verdict == on_error
    assert found.signals["frames"].error == "frame 3 could not be looked through: more than 3,072 pixels in all"
    assert verdicts(found)[-1] == (3, on_error)


def test_on_error_decides_on_damaged_frames(decoders: PoolAndDecoders) -> None:
    noise = [Image.effect_noise((64, 48), 90).convert("RGB") for _ in range(4)]
    data = bytearray(animate("PNG", WHITE, *noise))
    data[len(data) // 2 : len(data) // 2 + 600] = bytes(600)
    policy = make_policy("block", dark={"signal": "darkness", "block": 0.99})

    found = moderate(decoders, bytes(data), policy=policy)

    assert found.verdict == "block"
    assert found.signals["frames"].error is not None


def test_the_policy_decides_on_what_was_not_looked_at(decoders: PoolAndDecoders) -> None:
    found = moderate(decoders, animate("PNG", WHITE, BLUE), most=1)

    assert found.verdict == "review"
    assert [rule.rule for rule in found.rules] == ["unseen"]


def test_a_signal_of_the_file_runs_once(decoders: PoolAndDecoders) -> None:
    signal = Whole()

    moderate(decoders, animate("PNG", WHITE, DIM), Darkness(), signal)

    assert len(signal.seen) == 1


def test_each_frame_has_a_hash_of_its_own(decoders: PoolAndDecoders) -> None:
    signal = Darkness()

    moderate(decoders, animate("PNG", WHITE, DIM, BLUE), signal)

    assert len({picture.sha256 for picture in signal.seen}) == 3


def test_the_preview_is_of_the_strictest_frame(decoders: PoolAndDecoders) -> None:
    options = ModerationOptions(preview=True)

    alone = moderate(decoders, encode(BLACK, "PNG"), options=options)
    among = moderate(decoders, animate("PNG", WHITE, BLACK), options=options)

    assert among.preview == alone.preview
