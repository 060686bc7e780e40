"""Custom categories as users meet them: /v1/categories on a running service, and `kernelsight categories`."""

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
from tests.pipelines.moderation.clouds import trained
from tests.serving import Service, run, serving

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


def problem(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["type"].rpartition(":")[2]


def test_a_trained_category_knows_other_images_at_once(service: Service) -> None:
    reply = train(service, "felines")
    scores = [score(service, "felines", one) for one in crops("cat", 10, seed=1) + crops("coffee", 10, seed=1)]

    auc = roc_auc_score(np.repeat([1, 0], 10), scores)
    body = reply.json()
    assert (reply.status_code, body["training"]["positives"], body["skipped"], auc > 0.99) == (200, 20, [], True)
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

    # Without the category its rule cannot judge, and the policy has people look.
    assert (before, after, verdicts()) == (["review", "review"], ["block", "allow"], ["review", "review"])


def test_the_report_can_be_had_again(service: Service) -> None:
    trained = train(service, "again").json()

    listed = {one["name"]: one for one in service.http.get("/v1/categories").json()["categories"]}
    assert (service.http.get("/v1/categories/again").json(), listed["again"]["state"]) == (trained, "ready")
    assert listed["again"]["version"] == trained["version"]


def test_training_twice_is_refused_unless_it_is_meant_and_gives_the_same(service: Service) -> None:
    first = train(service, "twice").json()

    assert problem(train(service, "twice")) == (409, "category-exists")
    assert train(service, "twice", replace="true").json()["version"] == first["version"]


def test_images_that_cannot_be_read_are_skipped_and_named(service: Service) -> None:
    files = [*form(crops("cat", 12), crops("coffee", 12)), ("positive", ("notes.txt", b"no image"))]

    reply = train(service, "skipping", files).json()

    [skipped] = reply["skipped"]
    assert (skipped["name"], "images can be JPEG" in skipped["why"]) == ("positive 13: notes.txt", True)


@pytest.mark.parametrize(
    ("name", "positives", "negatives", "status", "code"),
    [
        ("few", 9, 20, 422, "training-rejected"),
        ("No Name", 20, 20, 422, "category-name-invalid"),
        ("many", 380, 21, 400, "http"),
    ],
)
def test_each_reason_against_a_training_has_its_own_problem(
    service: Service, name: str, positives: int, negatives: int, status: int, code: str
) -> None:
    assert problem(train(service, name, form([b"x"] * positives, [b"x"] * negatives))) == (status, code)


def test_too_few_images_are_left_when_some_cannot_be_read(service: Service) -> None:
    reply = train(service, "blind", form([*crops("cat", 9), b"broken"], crops("coffee", 10)))

    assert problem(reply) == (422, "training-rejected")
    assert "9 positive and 10 negative images that can be read (1 cannot)" in reply.json()["detail"]


def test_a_form_with_other_fields_is_refused(service: Service) -> None:
    assert problem(train(service, "fields", [("file", ("a.jpg", b"x"))])) == (422, "request-rejected")


def test_training_may_send_more_than_an_image_but_not_everything(service: Service) -> None:
    huge = form([bytes(9 * 2**20)], [])

    assert problem(train(service, "huge", huge)) == (413, "body-too-large")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/score"), ("GET", "/%2e%2e%2fpolicy")]
)
def test_a_category_that_is_not_there_is_404(service: Service, jpeg: Jpeg, method: str, path: str) -> None:
    files = {"file": jpeg("cat")} if method == "POST" else None

    reply = service.http.request(method, f"/v1/categories/nothing{path}", files=files)

    assert reply.status_code == 404


def test_a_removed_category_is_gone(service: Service) -> None:
    train(service, "short")

    assert service.http.delete("/v1/categories/short").status_code == 204
    assert problem(service.http.get("/v1/categories/short")) == (404, "category-unknown")


def test_categories_of_other_encoders_and_broken_files_are_listed_as_such(
    service: Service, folder: Path, jpeg: Jpeg
) -> None:
    HeadStore(folder).save(trained("foreign"), replace=True)
    (folder / "broken.json").write_text("{}")
    time.sleep(1.1)  # a look at the folder serves for a second

    states = {one["name"]: one["state"] for one in service.http.get("/v1/categories").json()["categories"]}
    refused = service.http.post("/v1/categories/foreign/score", files={"file": jpeg("cat")})
    broken = service.http.get("/v1/categories/broken")
    assert (states["foreign"], states["broken"]) == ("mismatch", "broken")
    assert (problem(refused), problem(broken)) == ((409, "category-mismatch"), (503, "category-broken"))


def test_people_are_answered_while_a_category_is_trained(service: Service, jpeg: Jpeg) -> None:
    with ThreadPoolExecutor(1) as executor:
        training = executor.submit(train, service, "meanwhile")
        statuses = [service.http.post("/v1/features", files={"file": jpeg("cat")}).status_code]
        while not training.done():
            statuses.append(service.http.post("/v1/features", files={"file": jpeg("cat")}).status_code)

    assert (training.result().status_code, set(statuses), len(statuses) > 3) == (200, {200}, True)


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

    made = categories(tmp_path, "train", "cats", "--positive", yes, "--negative", no)
    listed = categories(tmp_path, "list")
    shown = categories(tmp_path, "show", "cats", "--json")
    scored = categories(tmp_path, "score", "cats", f"{yes}/0.jpg", f"{no}/0.jpg")
    removed = categories(tmp_path, "remove", "cats")

    scores = [json.loads(line)["score"] for line in scored.stdout.splitlines()]
    assert (made.returncode, "ROC AUC 1.000" in made.stdout, made.stderr.count("\n")) == (0, True, 1), made.stderr
    assert ("skipped" in made.stderr, "notes.txt" in made.stderr, "cats" in listed.stdout) == (True, True, True)
    assert (json.loads(shown.stdout)["training"]["positives"], scores[0] > 0.5 > scores[1]) == (12, True)
    assert (removed.returncode, list(tmp_path.iterdir())) == (0, [])


def test_a_running_service_notices_what_the_command_line_trains(service: Service, folder: Path, pictures: Path) -> None:
    done = categories(
        folder, "train", "noticed", "--positive", str(pictures / "yes"), "--negative", str(pictures / "no")
    )
    time.sleep(1.1)  # a look at the folder serves for a second

    assert (done.returncode, score(service, "noticed", crops("cat", 1, seed=3)[0]) > 0.5) == (0, True)


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
def test_the_command_line_says_what_is_wrong_in_a_line(
    tmp_path: Path, pictures: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = categories(tmp_path, *(one.format(yes=pictures / "yes", no=pictures / "no") for one in arguments))

    assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (code, True, False)
