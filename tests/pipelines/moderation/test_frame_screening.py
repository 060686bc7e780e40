"""Known images and codes are looked up in every frame, however many there are."""

import pytest
from PIL import Image, ImageOps

from pipelines.cpu_pool import CpuPool
from pipelines.moderation.domains import DomainLists
from pipelines.moderation.hashes.kinds import HashListKind
from pipelines.moderation.hashes.lists import SearchableHashList
from pipelines.moderation.signals.barcodes import BarcodeSignal
from pipelines.moderation.signals.known_images import KnownImageSignal
from tests.pipelines.image.frame_surveys import animate
from tests.pipelines.images import photograph
from tests.pipelines.moderation.frame_moderation import PoolAndDecoders, decoders, moderate
from tests.pipelines.moderation.hash_values import make_searchable_list
from tests.pipelines.moderation.signal_results import make_policy
from tests.pipelines.moderation.signals.test_barcodes import draw_code
from tests.pipelines.moderation.signals.test_known_images import make_entry

__all__ = ["decoders"]

SIZE = (320, 240)
FORMATS = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")
POLICY = make_policy(
    listed={"signal": "known.block", "block": 0.5},
    denied={"signal": "codes.denied", "block": 0.5},
    hidden={"signal": "frames.hidden", "review": 0.25},
)
NAMES = ("coffee", "rocket", "chelsea", "cat", "camera", "coins", "colorwheel", "moon")
SLIDES = [turn(photograph(name).resize(SIZE)) for name in NAMES for turn in (Image.Image.copy, ImageOps.mirror)]
LISTED = photograph("astronaut").resize(SIZE)


def draw_link(host: str, background: Image.Image = SLIDES[0]) -> Image.Image:
    slide = background.copy()
    slide.paste(draw_code(f"https://{host}/abc").resize((130, 130)), (90, 50))
    return slide


def known(pool: CpuPool, *listed: Image.Image, dihedral: bool = False) -> KnownImageSignal:
    async def lists() -> dict[HashListKind, SearchableHashList]:
        return {"block": make_searchable_list(*map(make_entry, listed))}

    return KnownImageSignal(lists, pool, dihedral=dihedral)


def codes(pool: CpuPool, *denied: str) -> BarcodeSignal:
    async def lists() -> DomainLists:
        return DomainLists(denied=frozenset(denied))

    return BarcodeSignal(lists, pool)


def insert(picture: Image.Image, number: int) -> list[Image.Image]:
    return [*SLIDES[: number - 1], picture, *SLIDES[number - 1 :]]


@pytest.mark.parametrize("format", FORMATS)
def test_a_known_image_is_found_among_many_slides(decoders: PoolAndDecoders, format: str) -> None:
    data = animate(format, *insert(LISTED, 12))

    found = moderate(decoders, data, known(decoders[0], LISTED), policy=POLICY, most=4)

    assert found.verdict == "block"
    assert [one.number for one in found.frames or () if one.verdict == "block"] == [12]


@pytest.mark.parametrize("number", range(2, 18, 3))
def test_a_known_image_is_found_at_any_place(decoders: PoolAndDecoders, number: int) -> None:
    data = animate("GIF", *insert(LISTED, number), durations=[500] * 17)

    assert moderate(decoders, data, known(decoders[0], LISTED), policy=POLICY, most=2).verdict == "block"


def test_a_mirrored_known_image_is_found_where_asked(decoders: PoolAndDecoders) -> None:
    data = animate("GIF", *insert(ImageOps.mirror(LISTED), 9))

    assert moderate(decoders, data, known(decoders[0], LISTED, dihedral=True), policy=POLICY).verdict == "block"


@pytest.mark.parametrize("format", FORMATS)
def test_a_denied_code_is_found_among_many_slides(decoders: PoolAndDecoders, format: str) -> None:
    data = animate(format, *insert(draw_link("evil.example"), 14))

    found = moderate(decoders, data, codes(decoders[0], "evil.example"), policy=POLICY, most=4)

    assert found.verdict == "block"
    assert [one.number for one in found.frames or () if one.verdict == "block"] == [14]


def test_harmless_codes_take_no_place_from_a_denied_one(decoders: PoolAndDecoders) -> None:
    links = [draw_link(f"site{number}.example", SLIDES[number]) for number in range(8)]
    data = animate("GIF", *links, draw_link("evil.example"))

    assert moderate(decoders, data, codes(decoders[0], "evil.example"), policy=POLICY, most=3).verdict == "block"


def test_codes_without_a_place_are_hidden(decoders: PoolAndDecoders) -> None:
    links = [draw_link(f"site{number}.example", SLIDES[number]) for number in range(8)]

    found = moderate(decoders, animate("GIF", *links), codes(decoders[0], "evil.example"), policy=POLICY, most=3)

    assert found.verdict == "review"
    assert found.signals["frames"].scores["hidden"] == 1


def test_one_code_in_all_frames_takes_no_place(decoders: PoolAndDecoders) -> None:
    links = [draw_link("site.example", slide) for slide in SLIDES[:8]]

    found = moderate(decoders, animate("GIF", *links, durations=[500] * 8), codes(decoders[0]), policy=POLICY, most=3)

    assert found.verdict == "allow"


def test_on_error_decides_where_no_list_can_be_read(decoders: PoolAndDecoders) -> None:
    asked = list[int]()

    async def lists() -> dict[HashListKind, SearchableHashList]:
        asked.append(len(asked))
        if len(asked) == 2:  # the first picture has been judged, and the frames are looked through
            raise OSError("the disk is gone")
        return {"block": make_searchable_list(make_entry(LISTED))}

    found = moderate(decoders, animate("GIF", *SLIDES[:3]), KnownImageSignal(lists, decoders[0]), policy=POLICY)

    assert [rule.signal for rule in found.rules if rule.rule == "on_error"] == ["known.block"]
