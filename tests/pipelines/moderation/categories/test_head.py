"""A head scores by plain arithmetic, and refuses other encoders and edited files."""

import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.moderation.categories.head import Head, check_name, flatten_embeddings, sigmoid
from pipelines.moderation.errors import CategoryNameInvalid, HeadMismatch
from tests.pipelines.fakes import USED
from tests.pipelines.moderation.embeddings import OTHER_ENCODER, make_embeddings, train_head


@pytest.fixture(scope="module")
def head() -> Head:
    return train_head()


def edit_json(head: Head, **changes: Any) -> str:
    return json.dumps(head.model_dump(mode="json") | changes)


def test_a_score_is_the_sigmoid_of_a_weighted_sum(head: Head) -> None:
    embedding = make_embeddings(1, towards=0, seed=7)[0]
    direction = np.sqrt(embedding / np.linalg.norm(embedding))
    logit = np.dot(head.weights, direction / np.linalg.norm(direction)) + head.bias

    assert head.score(embedding) == pytest.approx(1 / (1 + np.exp(-head.slope * logit - head.offset)))


def test_an_embeddings_length_does_not_matter(head: Head) -> None:
    embedding = make_embeddings(1, towards=0, seed=7)[0]

    assert head.score(embedding.astype(np.float32) * 1000) == pytest.approx(head.score(embedding), abs=1e-6)


def test_an_embedding_of_zeros_has_a_score(head: Head) -> None:
    assert 0 <= head.score(np.zeros(64)) <= 1


def test_the_root_keeps_the_sign() -> None:
    assert flatten_embeddings(np.array([16.0, -9.0])) == pytest.approx([0.8, -0.6])


def test_the_sigmoid_does_not_overflow() -> None:
    assert sigmoid(np.array([-1e9, 0.0, 1e9])) == pytest.approx([0.0, 0.5, 1.0])


def test_another_encoder_is_refused_by_its_hash(head: Head) -> None:
    head.check_encoder(USED.model_copy(update={"id": "renamed"}))

    with pytest.raises(HeadMismatch, match=r"fake-encoder 3 \(000000000000\), here runs other-encoder"):
        head.check_encoder(OTHER_ENCODER)


def test_a_head_survives_its_file(head: Head) -> None:
    assert Head.model_validate_json(head.model_dump_json()) == head


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bias": 0.125}, "damaged or edited"),
        ({"weights": [1.0]}, "1 weights for 64 dimensions"),
        ({"slope": -1.0}, "greater than 0"),
        ({"name": "other"}, "damaged or edited"),
        ({"author": "me"}, "not permitted"),
    ],
    ids=str,
)
def test_an_edited_file_is_refused(head: Head, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Head.model_validate_json(edit_json(head, **changes))


def test_the_version_does_not_depend_on_the_date(head: Head) -> None:
    later = Head.model_validate_json(edit_json(head, created="2030-01-01T00:00:00Z", kernelsight="9.9"))

    assert later.created.year == 2030
    assert later.version == head.version


def test_the_facts_are_everything_but_the_weights(head: Head) -> None:
    assert set(Head.model_fields) - set(head.facts.model_dump()) == {"dimension", "weights", "bias", "slope", "offset"}


@pytest.mark.parametrize("name", ["", "Knives", "a.b", "a/b", "../x", "-a", "a b", "a\n", "a" * 64])
def test_a_name_is_good_for_policies_addresses_and_files(name: str) -> None:
    check_name("knives-2")

    with pytest.raises(CategoryNameInvalid):
        check_name(name)
