"""Frames that show something new are found, however many there are and however short they are shown."""

import numpy as np
import pytest
from PIL import Image

from pipelines.image.decode import ImageLimits
from pipelines.image.frame_choice import FrameChoice
from pipelines.image.frame_views import SurveyPlan
from tests.pipelines.image.frame_surveys import animate, survey
from tests.pipelines.images import encode, photograph

SIZE = (96, 64)
CAT, COFFEE, ROCKET = (photograph(name).resize(SIZE) for name in ("cat", "coffee", "rocket"))
WHITE = Image.new("RGB", SIZE, "white")
FORMATS = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")


@pytest.mark.parametrize("format", FORMATS)
def test_frames_that_differ_are_chosen(format: str) -> None:
    found = survey(animate(format, WHITE, CAT, COFFEE), 3)

    assert {found.telling, *found.choice.chosen} == {0, 1, 2}
    assert found.choice.unseen < 0.05


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_a_plain_first_frame_tells_least(format: str) -> None:
    assert survey(animate(format, WHITE, CAT), 2).telling == 1


def test_the_first_frame_tells_most_where_it_is_not_plain() -> None:
    assert survey(animate("GIF", CAT, COFFEE, ROCKET), 3).telling == 0


def test_the_first_page_of_a_tiff_stays_the_first() -> None:
    assert survey(animate("TIFF", WHITE, CAT), 2).telling == 0


def test_one_frame_among_many_is_found() -> None:
    pictures = [CAT.point([max(0, level - number % 2) for level in range(256)] * 3) for number in range(40)]
    pictures[23] = COFFEE

    assert survey(animate("PNG", *pictures), 40, most=1).choice.chosen == (23,)


def test_something_small_in_a_corner_is_found() -> None:
    corner = CAT.copy()
    corner.paste(WHITE.resize((12, 8)), (80, 50))

    assert survey(animate("GIF", CAT, corner), 2).choice.chosen == (1,)


def test_noise_is_nothing_new() -> None:
    noise = np.random.default_rng(0).integers(-4, 4, (64, 96, 3))
    noisy = Image.fromarray((np.asarray(CAT, int) + noise).clip(0, 255).astype(np.uint8))

    assert survey(animate("PNG", CAT, noisy), 2).choice.chosen == ()


def test_white_ink_on_nothing_is_something_new() -> None:
    ink = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    ink.paste((255, 255, 255, 255), (20, 20, 60, 40))

    found = survey(animate("PNG", Image.new("RGBA", SIZE, (255, 255, 255, 0)), ink), 2)

    assert found.telling == 1
    assert found.choice == FrameChoice(chosen=(0,))


def test_what_was_not_chosen_is_measured() -> None:
    found = survey(animate("PNG", WHITE, CAT, COFFEE, ROCKET), 4, most=1)

    assert len(found.choice.chosen) == 1
    assert 0.2 < found.choice.unseen < 1


def test_frames_behind_damage_are_not_looked_through() -> None:
    data = animate("GIF", WHITE, CAT, COFFEE)

    found = survey(data[: len(data) * 2 // 3], 3)

    assert found.views is not None
    assert found.views.stopped == "damaged"
    assert len(found.views) == 2


@pytest.mark.parametrize(
    ("plan", "why"),
    [(SurveyPlan(pixels=96 * 64), "too many pixels"), (SurveyPlan(seconds=0.0), "too slow")],
    ids=["pixels", "seconds"],
)
def test_frames_beyond_a_limit_are_not_looked_through(plan: SurveyPlan, why: str) -> None:
    found = survey(animate("GIF", WHITE, CAT, COFFEE), 3, plan=plan)

    assert found.views is not None
    assert found.views.stopped == why
    assert len(found.views) < 3


def test_a_frame_over_the_limit_of_pixels_is_too_large() -> None:
    found = survey(animate("TIFF", WHITE, CAT.resize((400, 300))), 2, limits=ImageLimits(pixels=10_000))

    assert found.views is not None
    assert found.views.stopped == "too large"


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_a_frame_begins_where_those_before_it_end(format: str) -> None:
    found = survey(animate(format, WHITE, CAT, COFFEE, durations=[500, 250, 100]), 3)

    assert found.views is not None
    assert [found.views.find_start(number) for number in range(3)] == [0, 0.5, 0.75]


def test_pages_have_no_durations() -> None:
    found = survey(animate("TIFF", WHITE, CAT), 2)

    assert found.views is not None
    assert found.views.find_start(1) is None


def test_durations_of_nothing_count_as_browsers_show_them() -> None:
    found = survey(animate("GIF", WHITE, CAT, COFFEE, durations=[0, 10, 50]), 3)

    assert found.views is not None
    assert found.views.durations.tolist() == pytest.approx([0.1, 0.1, 0.05])


def test_a_hidden_default_image_takes_no_time() -> None:
    data = encode(WHITE, "PNG", save_all=True, append_images=[CAT, COFFEE], default_image=True, duration=500)

    found = survey(data, 3)

    assert found.views is not None
    assert found.views.durations.tolist() == [0, 0.5, 0.5]
