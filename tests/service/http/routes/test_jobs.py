"""Jobs over REST on a running service: the answer later, followed, called back, cancelled, tried again, buried."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook

from tests.conftest import Jpeg
from tests.service.image_server import ImageServer, serving_images
from tests.serving import Service, run, serving

SECRET = "whsec_" + base64.b64encode(b"a key of at least 24 random bytes").decode()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Gives up on a job after its first attempt; calls back, also on this machine."""
    folder = tmp_path_factory.mktemp("queue")
    with serving(
        queue_data=str(folder), job_attempts="1", url_inputs="any", webhook_urls="any", webhook_secret=SECRET
    ) as service:
        wait_for_queue(service.http)
        yield service


@pytest.fixture(scope="module")
def patient(service: Service) -> Service:
    wait_for_queue(service.http)
    return service


def wait_for_queue(http: httpx2.Client) -> None:
    while http.get("/v1/dead-letters").status_code == 503:
        time.sleep(0.05)


def ended(http: httpx2.Client, id: str) -> dict[str, Any]:
    for _ in range(400):
        view: dict[str, Any] = http.get(f"/v1/jobs/{id}").json()
        if view["state"] in ("done", "failed", "cancelled", "dead"):
            return view
        time.sleep(0.05)
    raise AssertionError("the job has no end")


def events(http: httpx2.Client, id: str, **headers: str) -> list[tuple[int, str]]:
    text = http.get(f"/v1/jobs/{id}/events", headers=headers).text
    lines = [dict(line.split(": ", 1) for line in one.splitlines()) for one in text.strip().split("\n\n")]
    return [(int(line["id"]), line["event"]) for line in lines]


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("result_id", "timings")}


def test_a_job_gives_what_the_route_would_have_given(patient: Service, jpeg: Jpeg) -> None:
    photo = {"file": jpeg("astronaut")}
    now = patient.http.post("/v1/faces?min_score=0.5", files=photo).json()

    reply = patient.http.post("/v1/jobs?operation=faces&min_score=0.5", files=photo)

    view = ended(patient.http, reply.json()["id"])
    later = patient.http.get(view["result_url"])
    assert (reply.status_code, reply.headers["location"]) == (202, f"/v1/jobs/{view['id']}")
    assert (view["state"], without_times(view["result"])) == ("done", without_times(now))
    assert (later.headers["content-type"], later.json()) == ("application/json", view["result"])


def test_a_client_may_prefer_not_to_wait(patient: Service, jpeg: Jpeg) -> None:
    headers = {"Prefer": "wait=5, respond-async"}

    reply = patient.http.post("/v1/avatars?size=64", files={"file": jpeg("astronaut")}, headers=headers)

    result = f"/v1/jobs/{ended(patient.http, reply.json()['id'])['id']}/result"
    avatar = patient.http.get(result)
    assert (reply.status_code, reply.headers["preference-applied"]) == (202, "respond-async")
    assert (avatar.headers["content-type"], avatar.headers["x-kernelsight-face"]) == ("image/png", "0")
    assert avatar.content.startswith(b"\x89PNG")


def test_json_bodies_and_texts_can_wait_as_well(patient: Service, jpeg: Jpeg) -> None:
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg("coffee")).decode()
    body = {"input": [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": url}}]}

    reply = patient.http.post("/v1/jobs?operation=moderations", json=body)

    view = ended(patient.http, reply.json()["id"])
    assert [part["verdict"] for part in view["result"]["results"][0]["kernelsight"]["parts"]] == ["allow", "allow"]


def test_a_job_can_be_followed_from_any_event_on(patient: Service, jpeg: Jpeg) -> None:
    id = patient.http.post("/v1/jobs?operation=features", files={"file": jpeg("cat")}).json()["id"]

    assert events(patient.http, id) == [(1, "queued"), (2, "started"), (3, "done")]
    assert events(patient.http, id, **{"Last-Event-ID": "2"}) == [(3, "done")]


def test_what_is_wrong_with_the_image_is_the_jobs_problem_and_its_result(patient: Service, jpeg: Jpeg) -> None:
    id = patient.http.post("/v1/jobs?operation=avatars", files={"file": jpeg("coffee")}).json()["id"]

    view = ended(patient.http, id)

    result = patient.http.get(f"/v1/jobs/{id}/result")
    problem = "urn:kernelsight:problem:no-suitable-face"
    assert (view["state"], view["attempts"], view["error"]["type"]) == ("failed", 1, problem)
    assert (result.status_code, result.headers["content-type"]) == (422, "application/problem+json")
    assert result.json() == view["error"]


@pytest.mark.parametrize(
    ("path", "status", "problem"),
    [
        ("/v1/jobs?operation=paint", 422, "request-rejected"),
        ("/v1/jobs?operation=faces&colour=red", 422, "request-rejected"),
        ("/v1/jobs?operation=faces&priority=now", 422, "request-rejected"),
        ("/v1/jobs?operation=faces&callback=http://example.com/", 403, "webhooks-off"),
    ],
)
def test_what_is_wrong_with_the_request_is_said_at_once(
    patient: Service, jpeg: Jpeg, path: str, status: int, problem: str
) -> None:
    reply = patient.http.post(path, files={"file": jpeg("cat")})

    assert (reply.status_code, reply.json()["type"]) == (status, f"urn:kernelsight:problem:{problem}")


@pytest.mark.parametrize("path", ["jobs/none", "jobs/none/result", "jobs/none/events", "dead-letters/none"])
def test_an_unknown_job_is_a_problem(patient: Service, path: str) -> None:
    reply = patient.http.get(f"/v1/{path}")

    assert (reply.status_code, reply.json()["type"]) == (404, "urn:kernelsight:problem:job-unknown")


def test_the_same_key_gives_the_same_job_and_never_another_one(patient: Service, jpeg: Jpeg) -> None:
    key = {"Idempotency-Key": "upload 17"}

    def submit(name: str) -> httpx2.Response:
        return patient.http.post("/v1/jobs?operation=features", files={"file": jpeg(name)}, headers=key)

    first, again, other = submit("cat"), submit("cat"), submit("coffee")

    assert (first.json()["id"], again.status_code) == (again.json()["id"], 202)
    assert (other.status_code, other.json()["type"]) == (409, "urn:kernelsight:problem:idempotency-conflict")


def test_a_job_that_fails_for_now_too_often_is_a_dead_letter_until_somebody_decides(impatient: Service) -> None:
    http = impatient.http
    with serving_images() as server:
        body = {"image": {"url": f"{server.url}/status/500"}}
        id = http.post("/v1/jobs?operation=features", json=body).json()["id"]
        view = ended(http, id)
        letter = http.get(f"/v1/dead-letters/{id}").json()
        listed = http.get("/v1/dead-letters").json()
        requeued = http.post(f"/v1/dead-letters/{id}/requeue")
        again = ended(http, id)
        dropped = http.delete(f"/v1/dead-letters/{id}")
        gone = http.get(f"/v1/jobs/{id}")

    assert (view["state"], view["error"]["type"]) == ("dead", "urn:kernelsight:problem:url-fetch-failed")
    assert (letter["work"]["url"], [one["id"] for one in listed["data"]]) == (f"{server.url}/status/500", [id])
    assert (requeued.status_code, again["state"], dropped.status_code, gone.status_code) == (202, "dead", 204, 404)


def test_a_callback_gets_a_signed_message_with_the_result(impatient: Service, jpeg: Jpeg) -> None:
    with serving_images() as server:
        url = f"/v1/jobs?operation=features&callback={server.url}/hook"
        id = impatient.http.post(url, files={"file": jpeg("cat")}).json()["id"]
        headers, body = message(server)

    told = Webhook(SECRET).verify(body, headers)  # raises if the signature is wrong
    assert (told["type"], told["data"]["id"], told["data"]["state"]) == ("job.done", id, "done")
    assert len(told["data"]["result"]["embedding"]) == 1280


def test_a_callback_hears_of_failures_too(impatient: Service, jpeg: Jpeg) -> None:
    with serving_images() as server:
        url = f"/v1/jobs?operation=avatars&callback={server.url}/hook"
        impatient.http.post(url, files={"file": jpeg("coffee")})
        _, body = message(server)

    told = json.loads(body)
    assert (told["type"], told["data"]["error"]["status"]) == ("job.failed", 422)


def message(server: ImageServer) -> tuple[dict[str, str], bytes]:
    for _ in range(400):
        if server.posted:
            return server.posted[0]
        time.sleep(0.05)
    raise AssertionError("nothing was posted")


def test_a_cancelled_job_that_waits_is_never_begun(jpeg: Jpeg) -> None:
    photo = {"file": jpeg("cat")}
    with serving(worker_here="false", queue_depth="2", pipelines="features") as service:
        wait_for_queue(service.http)
        one, two, three = (service.http.post("/v1/jobs?operation=features", files=photo) for _ in range(3))
        pending = service.http.get(f"/v1/jobs/{one.json()['id']}/result")
        cancelled = service.http.delete(f"/v1/jobs/{one.json()['id']}")
        room = service.http.post("/v1/jobs?operation=features", files=photo)

    assert (pending.status_code, pending.json()["type"]) == (409, "urn:kernelsight:problem:job-not-done")
    assert (two.status_code, three.status_code, int(three.headers["retry-after"]) >= 1) == (202, 429, True)
    assert (cancelled.json()["state"], room.status_code) == ("cancelled", 202)


def test_metrics_say_how_runs_ended_and_what_waits(patient: Service, jpeg: Jpeg) -> None:
    ended(patient.http, patient.http.post("/v1/jobs?operation=features", files={"file": jpeg("cat")}).json()["id"])

    lines = dict(line.rsplit(" ", 1) for line in patient.http.get("/metrics").text.splitlines() if line[0] != "#")

    done = float(lines['kernelsight_job_runs_total{priority="interactive",state="done"}'])
    waiting = float(lines['kernelsight_jobs{priority="interactive",state="queued"}'])
    assert (done >= 1, waiting, float(lines["kernelsight_queue_up"])) == (True, 0, 1)


def test_the_command_line_sees_the_queue_of_a_service_beside_it(impatient: Service, jpeg: Jpeg) -> None:
    id = impatient.http.post("/v1/jobs?operation=features", files={"file": jpeg("cat")}).json()["id"]
    ended(impatient.http, id)
    queue = impatient.settings["queue_data"]

    shown = run("jobs", "show", id, queue_data=queue)
    depth = run("jobs", "depth", queue_data=queue)
    unknown = run("jobs", "dead", "requeue", id, queue_data=queue)

    assert (json.loads(shown.stdout)["state"], "interactive" in depth.stdout) == ("done", True)
    assert (unknown.returncode, unknown.stderr) == (1, f"kernelsight: job {id!r} is done, not a dead letter\n")
