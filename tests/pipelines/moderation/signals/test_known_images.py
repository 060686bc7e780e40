"""Signal "known" on real photographs and lists of their hashes."""

import asyncio

import pytest
from PIL import Image, ImageOps

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import ImageLimits, decode
from pipelines.moderation.hashes.kinds import HashListKind
from pipelines.moderation.hashes.lists import HashEntry, SearchableHashList
from pipelines.moderation.hashes.pdq import compute_pdq
from pipelines.moderation.signals.known_images import MAX_SHOWN, KnownImageSignal
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from tests.pipelines.images import encode, photograph
from tests.pipelines.moderation.hash_values import make_searchable_list


def read(
    image: Image.Image, lists: dict[HashListKind, SearchableHashList], *, distance: int = 31, dihedral: bool = False
) -> SignalResult:
    async def current() -> dict[HashListKind, SearchableHashList]:
        return lists

    async def ask() -> SignalResult:
        pool = CpuPool(threads=1)
        known = KnownImageSignal(current, pool, distance, dihedral)
        picture = decode(encode(image, "JPEG", quality=80), limits=ImageLimits(), shorter_side=known.shorter_side)
        result = await known.read(picture, RunContext())
        pool.close()
        return result

    return asyncio.run(ask())


def make_entry(image: Image.Image, label: str = "") -> HashEntry:
    return HashEntry(compute_pdq(image, *image.size).hashes[0], label)


def test_a_copy_is_found_with_label_list_and_distance() -> None:
    cat = photograph("cat")
    lists: dict[HashListKind, SearchableHashList] = {
        "block": make_searchable_list(make_entry(photograph("coffee")), make_entry(cat, "a cat")),
        "allow": make_searchable_list(),
    }

    result = read(cat.resize((300, 200)), lists)

    [found] = result.evidence
    assert found.what == "a cat"
    assert found.score == result.scores["block"] > 0.5
    assert result.scores["allow"] == 0.0
    assert found.detail == f"block list, distance {round((1 - result.scores['block']) * 62)} of at most 31"


def test_an_image_in_both_lists_scores_both() -> None:
    cat = photograph("cat")

    result = read(cat, {"block": make_searchable_list(make_entry(cat)), "allow": make_searchable_list(make_entry(cat))})

    assert min(result.scores.values()) > 0.9
    assert len(result.evidence) == 2


@pytest.mark.parametrize("kind", ["block", "allow"])
def test_an_unlisted_image_scores_0(kind: HashListKind) -> None:
    result = read(photograph("coffee"), {kind: make_searchable_list(make_entry(photograph("cat")))})

    assert result.scores == dict.fromkeys(KnownImageSignal.score_names() or (), 0.0)
    assert result.evidence == []
    assert result.detector == "pdq"


def test_a_blank_image_is_not_hashable_and_matches_nothing() -> None:
    blank = Image.new("RGB", (300, 200), "white")

    result = read(blank, {"block": make_searchable_list(make_entry(blank))})

    assert result.scores == {"block": 0.0, "allow": 0.0}
    assert [one.what for one in result.evidence] == ["not hashable"]
    assert result.error is None


def test_without_lists_there_are_no_scores_but_evidence() -> None:
    result = read(photograph("cat"), {})

    assert result.scores == {}
    assert result.score == 0.0
    assert result.evidence[0].what == "no lists are configured"


@pytest.mark.parametrize(("dihedral", "is_found"), [(False, False), (True, True)])
def test_a_mirrored_copy_is_found_with_dihedral_only(dihedral: bool, is_found: bool) -> None:
    cat = photograph("cat")

    result = read(ImageOps.mirror(cat), {"block": make_searchable_list(make_entry(cat))}, dihedral=dihedral)

    assert (result.scores["block"] >= 0.5) == is_found


def test_a_smaller_distance_finds_nearer_copies_only() -> None:
    cat = photograph("cat")
    lists: dict[HashListKind, SearchableHashList] = {"block": make_searchable_list(make_entry(cat))}

    strict, default = (read(cat.resize((90, 60)), lists, distance=distance).scores["block"] for distance in (0, 31))

    assert strict == 0.0
    assert default >= 0.5


def test_the_version_has_the_version_of_each_list() -> None:
    cat = photograph("cat")
    block, allow = make_searchable_list(make_entry(cat)), make_searchable_list()

    result = read(cat, {"block": block, "allow": allow})

    assert result.version == f"block {block.version[:12]}, allow {allow.version[:12]}"


def test_evidence_shows_a_limited_number_of_matches() -> None:
    cat = photograph("cat")

    result = read(cat, {"block": make_searchable_list(*[make_entry(cat, str(number)) for number in range(50)])})

    assert [one.what for one in result.evidence] == [str(number) for number in range(MAX_SHOWN)]
