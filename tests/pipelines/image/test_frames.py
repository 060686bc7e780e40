"""Frames that show something new are found, however many there are and however short they are shown."""

import numpy as np
import pytest
from PIL import Image

from pipelines.image import frames
from pipelines.image.decode import FrameSurvey, ImageLimits
from pipelines.image.frames import survey_frames
from tests.pipelines.images import encode, photograph

SIZE = (96, 64)
CAT, COFFEE, ROCKET = (photograph(name).resize(SIZE) for name in ("cat", "coffee", "rocket"))
WHITE = Image.new("RGB", SIZE, "white")
FORMATS = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")


def animate(format: str, *pictures: Image.Image) -> bytes:
    return encode(pictures[0], format, save_all=True, append_images=pictures[1:])


def survey(data: bytes, count: int, most: int = 4, limits: ImageLimits | None = None) -> FrameSurvey:
    return survey_frames(data, limits=limits or ImageLimits(), frames=count, most=most)


@pytest.mark.parametrize("format", FORMATS)
def test_frames_that_differ_are_chosen(format: str) -> None:
    found = survey(animate(format, WHITE, CAT, COFFEE), 3)

    assert {found.telling, *found.chosen} == {0, 1, 2}
    assert found.unseen < 0.05


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

    assert survey(animate("PNG", *pictures), 40, most=1).chosen == (23,)


def test_something_small_in_a_corner_is_found() -> None:
    corner = CAT.copy()
    corner.paste(WHITE.resize((12, 8)), (80, 50))

    assert survey(animate("GIF", CAT, corner), 2).chosen == (1,)


def test_noise_is_nothing_new() -> None:
    noise = np.random.default_rng(0).integers(-4, 4, (64, 96, 3))
    noisy = Image.fromarray((np.asarray(CAT, int) + noise).clip(0, 255).astype(np.uint8))

    assert survey(animate("PNG", CAT, noisy), 2).chosen == ()


def test_white_ink_on_nothing_is_something_new() -> None:
    ink = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    ink.paste((255, 255, 255, 255), (20, 20, 60, 40))

    assert survey(animate("PNG", Image.new("RGBA", SIZE, (255, 255, 255, 0)), ink), 2) == FrameSurvey(1, (0,), 0.0)


def test_what_was_not_chosen_is_measured() -> None:
    found = survey(animate("PNG", WHITE, CAT, COFFEE, ROCKET), 4, most=1)

    assert len(found.chosen) == 1
    assert 0.2 < found.unseen < 1


def test_frames_behind_damage_are_unseen() -> None:
    data = bytearray(animate("GIF", WHITE, CAT, COFFEE))
    whole = survey(bytes(data), 3)

    cut = survey(bytes(data[: len(data) * 2 // 3]), 3)

    assert whole.unseen < 0.05
    assert cut.unseen == 1.0


@pytest.mark.parametrize(("name", "value"), [("MAX_PIXELS", 96 * 64), ("MAX_SECONDS", 0.0)])
def test_frames_beyond_a_limit_are_unseen(monkeypatch: pytest.MonkeyPatch, name: str, value: float) -> None:
    monkeypatch.setattr(frames, name, value)

    found = survey(animate("GIF", WHITE, CAT, COFFEE), 3)

    assert found.unseen == 1.0


def test_a_frame_over_the_limit_of_pixels_is_unseen() -> None:
    data = animate("TIFF", WHITE, CAT.resize((400, 300)))

    assert survey(data, 2, limits=ImageLimits(pixels=10_000)).unseen == 1.0
