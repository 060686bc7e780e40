"""`/v1/categories` on a running service, and `kernelsight categories`."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pipelines.moderation.categories.store import HeadStore
from tests.conftest import Jpeg
from tests.crops import crops
from tests.pipelines.moderation.embeddings import train_head
from tests.serving import Service, problem_code, run, serving

POLICY = """
name: cats
version: 1
rules:
  no-cats: {signal: custom.cats, category: cats, block: 0.5}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("categories")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    (folder / "policy.yaml").write_text(POLICY)
    with serving(
        categories=str(folder),
        policy=str(folder / "policy.yaml"),
        max_training_bytes=str(8 * 2**20),
        pipelines="moderation,features",
    ) as running:
        yield running


def form(positives: list[bytes], negatives: list[bytes]) -> list[tuple[str, Any]]:
    return [("positive", (f"{number}.jpg", one)) for number, one in enumerate(positives)] + [
        ("negative", (f"{number}.jpg", one)) for number, one in enumerate(negatives)
    ]


def train(service: Service, name: str, files: list[tuple[str, Any]] | None = None, **query: Any) -> httpx2.Response:
    chosen = form(crops("cat", 20), crops("coffee", 20)) if files is None else files
    return service.http.put(f"/v1/categories/{name}", files=chosen, params=query)


def score(service: Service, name: str, image: bytes) -> float:
    reply = service.http.post(f"/v1/categories/{name}/score", files={"file": image})
    assert reply.status_code == 200, reply.text
    return float(reply.json()["score"])


def test_a_trained_category_recognises_other_images_at_once(service: Service) -> None:
    reply = train(service, "felines")
    scores = [score(service, "felines", one) for one in crops("cat", 10, seed=1) + crops("coffee", 10, seed=1)]

    auc = roc_auc_score(np.repeat([1, 0], 10), scores)
    body = reply.json()
    assert reply.status_code == 200
    assert body["training"]["positives"] == 20
    assert body["skipped"] == []
    assert auc > 0.99
    assert body["report"].keys() >= {"roc_auc", "roc_auc_interval", "thresholds", "review_threshold", "warnings"}


def test_a_policy_can_use_a_category_without_a_restart(service: Service, jpeg: Jpeg) -> None:
    def verdicts() -> list[str]:
        replies = [
            service.http.post("/v1/moderations", files={"file": jpeg(name)}).json() for name in ("cat", "coffee")
        ]
        return [reply["results"][0]["kernelsight"]["verdict"] for reply in replies]

    before = verdicts()
    train(service, "cats")
    after = verdicts()
    service.http.delete("/v1/categories/cats")

    # Without the category its rule has no score, which the policy sends to review.
    assert before == ["review", "review"]
    assert after == ["block", "allow"]
    assert verdicts() == ["review", "review"]


def test_a_categorys_report_can_be_fetched_later(service: Service) -> None:
    trained = train(service, "again").json()

    listed = {one["name"]: one for one in service.http.get("/v1/categories").json()["categories"]}
    assert service.http.get("/v1/categories/again").json() == trained
    assert listed["again"]["state"] == "ready"
    assert listed["again"]["version"] == trained["version"]


def test_training_again_needs_replace_and_gives_the_same_version(service: Service) -> None:
    first = train(service, "twice").json()

    refused = train(service, "twice")
    assert refused.status_code == 409
    assert problem_code(refused) == "category-exists"
    assert train(service, "twice", replace="true").json()["version"] == first["version"]


def test_images_that_cannot_be_read_are_skipped_and_named(service: Service) -> None:
    files = [*form(crops("cat", 12), crops("coffee", 12)), ("positive", ("notes.txt", b"no image"))]

    reply = train(service, "skipping", files).json()

    [skipped] = reply["skipped"]
    assert skipped["name"] == "positive 13: notes.txt"
    assert "images can be JPEG" in skipped["why"]


@pytest.mark.parametrize(
    ("name", "positives", "negatives", "status", "code"),
    [
        ("few", 9, 20, 422, "training-rejected"),
        ("No Name", 20, 20, 422, "category-name-invalid"),
        ("many", 380, 21, 422, "request-too-complex"),
    ],
)
def test_each_training_that_is_refused_has_its_problem(
    service: Service, name: str, positives: int, negatives: int, status: int, code: str
) -> None:
    reply = train(service, name, form([b"x"] * positives, [b"x"] * negatives))

    assert reply.status_code == status
    assert problem_code(reply) == code


def test_unreadable_images_do_not_count_towards_the_minimum(service: Service) -> None:
    reply = train(service, "blind", form([*crops("cat", 9), b"broken"], crops("coffee", 10)))

    assert reply.status_code == 422
    assert problem_code(reply) == "training-rejected"
    assert "9 positive and 10 negative images that can be read (1 cannot)" in reply.json()["detail"]


def test_a_form_with_other_fields_is_refused(service: Service) -> None:
    reply = train(service, "fields", [("file", ("a.jpg", b"x"))])

    assert reply.status_code == 422
    assert problem_code(reply) == "request-rejected"


def test_a_training_body_has_its_own_limit(service: Service) -> None:
    huge = form([bytes(9 * 2**20)], [])

    reply = train(service, "huge", huge)

    assert reply.status_code == 413
    assert problem_code(reply) == "body-too-large"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/score"), ("GET", "/%2e%2e%2fpolicy")]
)
def test_an_unknown_category_is_404(service: Service, jpeg: Jpeg, method: str, path: str) -> None:
    files = {"file": jpeg("cat")} if method == "POST" else None

    reply = service.http.request(method, f"/v1/categories/nothing{path}", files=files)

    assert reply.status_code == 404


def test_a_removed_category_is_gone(service: Service) -> None:
    train(service, "short")

    assert service.http.delete("/v1/categories/short").status_code == 204
    gone = service.http.get("/v1/categories/short")
    assert gone.status_code == 404
    assert problem_code(gone) == "category-unknown"


def test_mismatched_and_broken_categories_are_listed_as_such(service: Service, folder: Path, jpeg: Jpeg) -> None:
    HeadStore(folder).save(train_head("foreign"), replace=True)
    (folder / "broken.json").write_text("{}")
    time.sleep(1.1)  # the folder is read again after a second

    states = {one["name"]: one["state"] for one in service.http.get("/v1/categories").json()["categories"]}
    refused = service.http.post("/v1/categories/foreign/score", files={"file": jpeg("cat")})
    broken = service.http.get("/v1/categories/broken")
    assert states["foreign"] == "mismatch"
    assert states["broken"] == "broken"
    assert refused.status_code == 409
    assert problem_code(refused) == "category-mismatch"
    assert broken.status_code == 503
    assert problem_code(broken) == "category-broken"


def test_requests_are_answered_while_a_category_is_trained(service: Service, jpeg: Jpeg) -> None:
    with ThreadPoolExecutor(1) as executor:
        training = executor.submit(train, service, "meanwhile")
        statuses = [service.http.post("/v1/features", files={"file": jpeg("cat")}).status_code]
        while not training.done():
            statuses.append(service.http.post("/v1/features", files={"file": jpeg("cat")}).status_code)

    assert training.result().status_code == 200
    assert set(statuses) == {200}
    assert len(statuses) > 3


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    for kind, name in (("yes", "cat"), ("no", "coffee")):
        (root / kind / "deep").mkdir(parents=True)
        for number, data in enumerate(crops(name, 12)):
            (root / kind / ("deep" if number % 2 else "") / f"{number}.jpg").write_bytes(data)
    (root / "yes" / "notes.txt").write_text("no image")
    (root / "yes" / ".hidden").write_text("no image")
    return root


def categories(folder: Path, *arguments: str) -> Any:
    return run("categories", *arguments, categories=str(folder))


def test_the_command_line_trains_shows_scores_and_removes(tmp_path: Path, pictures: Path) -> None:
    yes, no = str(pictures / "yes"), str(pictures / "no")

    trained = categories(tmp_path, "train", "cats", "--positive", yes, "--negative", no)
    listed = categories(tmp_path, "list")
    shown = categories(tmp_path, "show", "cats", "--json")
    scored = categories(tmp_path, "score", "cats", f"{yes}/0.jpg", f"{no}/0.jpg")
    removed = categories(tmp_path, "remove", "cats")

    scores = [json.loads(line)["score"] for line in scored.stdout.splitlines()]
    assert trained.returncode == 0, trained.stderr
    assert "ROC AUC 1.000" in trained.stdout
    assert trained.stderr.count("\n") == 1
    assert "skipped" in trained.stderr
    assert "notes.txt" in trained.stderr
    assert "cats" in listed.stdout
    assert json.loads(shown.stdout)["training"]["positives"] == 12
    assert scores[0] > 0.5 > scores[1]
    assert removed.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_running_service_notices_what_the_command_line_trains(service: Service, folder: Path, pictures: Path) -> None:
    done = categories(
        folder, "train", "noticed", "--positive", str(pictures / "yes"), "--negative", str(pictures / "no")
    )
    time.sleep(1.1)  # the folder is read again after a second

    assert done.returncode == 0
    assert score(service, "noticed", crops("cat", 1, seed=3)[0]) > 0.5


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "nothing"), 1, "no category 'nothing'; there are: none"),
        (("remove", "nothing"), 1, "no category 'nothing'"),
        (("train", "No Name", "--positive", "{yes}", "--negative", "{no}"), 1, "is no name for a category"),
        (("train", "cats", "--positive", "{yes}/deep", "--negative", "{no}"), 1, "at least 10 of each"),
        (("train", "cats", "--positive", "/nothing", "--negative", "{no}"), 2, "does not exist"),
    ],
    ids=str,
)
def test_the_command_line_reports_errors_in_one_line(
    tmp_path: Path, pictures: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = categories(tmp_path, *(one.format(yes=pictures / "yes", no=pictures / "no") for one in arguments))

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
