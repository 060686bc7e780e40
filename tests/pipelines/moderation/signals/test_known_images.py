"""The signal over real photographs and lists of their hashes."""

import asyncio

import pytest
from PIL import Image, ImageOps

from pipelines.cpu_pool import CpuPool
from pipelines.image.decode import Limits, decode
from pipelines.moderation.hashes.lists import Entry, Kind, SearchableList
from pipelines.moderation.hashes.pdq import pdq
from pipelines.moderation.signals.known_images import MOST_SHOWN, Known
from pipelines.moderation.types import SignalResult
from pipelines.run_context import RunContext
from tests.pipelines.images import encode, photograph
from tests.pipelines.moderation.hash_values import searchable


def reading(
    image: Image.Image, lists: dict[Kind, SearchableList], *, distance: int = 31, dihedral: bool = False
) -> SignalResult:
    async def current() -> dict[Kind, SearchableList]:
        return lists

    async def ask() -> SignalResult:
        pool = CpuPool(threads=1)
        known = Known(current, pool, distance, dihedral)
        picture = decode(encode(image, "JPEG", quality=80), limits=Limits(), shorter_side=known.shorter_side)
        answer = await known.read(picture, RunContext())
        pool.close()
        return answer

    return asyncio.run(ask())


def entry(image: Image.Image, label: str = "") -> Entry:
    return Entry(pdq(image, *image.size).hashes[0], label)


def test_a_copy_of_a_listed_image_is_named_with_list_and_distance() -> None:
    cat = photograph("cat")
    lists: dict[Kind, SearchableList] = {
        "block": searchable(entry(photograph("coffee")), entry(cat, "a cat")), "allow": searchable(),
    }  # fmt: skip

    answer = reading(cat.resize((300, 200)), lists)

    [found] = answer.evidence
    assert (found.what, found.score == answer.scores["block"] > 0.5, answer.scores["allow"], found.detail) == (
        "a cat", True, 0.0, f"block list, distance {round((1 - answer.scores['block']) * 62)} of at most 31",
    )  # fmt: skip


def test_an_image_may_be_in_both_lists_and_the_policy_decides() -> None:
    cat = photograph("cat")

    answer = reading(cat, {"block": searchable(entry(cat)), "allow": searchable(entry(cat))})

    assert (min(answer.scores.values()) > 0.9, len(answer.evidence)) == (True, 2)


@pytest.mark.parametrize("kind", ["block", "allow"])
def test_an_image_that_is_in_no_list_scores_0(kind: Kind) -> None:
    answer = reading(photograph("coffee"), {kind: searchable(entry(photograph("cat")))})

    assert (answer.scores, answer.evidence, answer.detector) == ({"block": 0.0, "allow": 0.0}, [], "pdq")


def test_a_blank_image_is_not_hashable_and_matches_nothing() -> None:
    blank = Image.new("RGB", (300, 200), "white")

    answer = reading(blank, {"block": searchable(entry(blank))})

    assert (answer.scores, [one.what for one in answer.evidence], answer.error) == (
        {"block": 0.0, "allow": 0.0}, ["not hashable"], None,
    )  # fmt: skip


def test_without_lists_there_are_no_scores_and_that_is_said() -> None:
    answer = reading(photograph("cat"), {})

    assert (answer.scores, answer.score, answer.evidence[0].what) == ({}, 0.0, "no lists are configured")


@pytest.mark.parametrize(("dihedral", "is_found"), [(False, False), (True, True)])
def test_a_mirrored_copy_is_found_with_dihedral_only(dihedral: bool, is_found: bool) -> None:
    cat = photograph("cat")

    answer = reading(ImageOps.mirror(cat), {"block": searchable(entry(cat))}, dihedral=dihedral)

    assert (answer.scores["block"] >= 0.5) == is_found


def test_a_smaller_distance_finds_nearer_copies_only() -> None:
    cat = photograph("cat")
    lists: dict[Kind, SearchableList] = {"block": searchable(entry(cat))}

    scores = [reading(cat.resize((90, 60)), lists, distance=distance).scores["block"] for distance in (0, 31)]

    assert (scores[0], scores[1] >= 0.5) == (0.0, True)


def test_the_version_names_the_content_of_each_list() -> None:
    cat = photograph("cat")
    block, allow = searchable(entry(cat)), searchable()

    answer = reading(cat, {"block": block, "allow": allow})

    assert answer.version == f"block {block.version[:12]}, allow {allow.version[:12]}"


def test_of_many_matches_the_nearest_are_shown() -> None:
    cat = photograph("cat")

    answer = reading(cat, {"block": searchable(*[entry(cat, str(number)) for number in range(50)])})

    assert [one.what for one in answer.evidence] == [str(number) for number in range(MOST_SHOWN)]
