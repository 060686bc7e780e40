"""Jobs over REST on a running service: results, events, webhooks, cancelling, dead letters and metrics."""

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
def one_attempt_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that gives up on a job after its first attempt and may call webhooks on this machine."""
    folder = tmp_path_factory.mktemp("queue")
    with serving(
        queue_data=str(folder), job_attempts="1", url_inputs="any", webhook_urls="any", webhook_secret=SECRET
    ) as service:
        wait_for_queue(service.http)
        yield service


@pytest.fixture(scope="module")
def queue_service(service: Service) -> Service:
    wait_for_queue(service.http)
    return service


def wait_for_queue(http: httpx2.Client) -> None:
    while http.get("/v1/dead-letters").status_code == 503:
        time.sleep(0.05)


def wait_until_final(http: httpx2.Client, id: str) -> dict[str, Any]:
    for _ in range(400):
        view: dict[str, Any] = http.get(f"/v1/jobs/{id}").json()
        if view["state"] in ("done", "failed", "cancelled", "dead"):
            return view
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def events(http: httpx2.Client, id: str, **headers: str) -> list[tuple[int, str]]:
    text = http.get(f"/v1/jobs/{id}/events", headers=headers).text
    lines = [dict(line.split(": ", 1) for line in one.splitlines()) for one in text.strip().split("\n\n")]
    return [(int(line["id"]), line["event"]) for line in lines]


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("result_id", "timings")}


def test_a_job_gives_the_same_result_as_the_route(queue_service: Service, jpeg: Jpeg) -> None:
    photo = {"file": jpeg("astronaut")}
    now = queue_service.http.post("/v1/faces?min_score=0.5", files=photo).json()

    reply = queue_service.http.post("/v1/jobs?operation=faces&min_score=0.5", files=photo)

    view = wait_until_final(queue_service.http, reply.json()["id"])
    later = queue_service.http.get(view["result_url"])
    assert reply.status_code == 202
    assert reply.headers["location"] == f"/v1/jobs/{view['id']}"
    assert view["state"] == "done"
    assert without_times(view["result"]) == without_times(now)
    assert later.headers["content-type"] == "application/json"
    assert later.json() == view["result"]


def test_prefer_respond_async_makes_a_job(queue_service: Service, jpeg: Jpeg) -> None:
    headers = {"Prefer": "wait=5, respond-async"}

    reply = queue_service.http.post("/v1/avatars?size=64", files={"file": jpeg("astronaut")}, headers=headers)

    result = f"/v1/jobs/{wait_until_final(queue_service.http, reply.json()['id'])['id']}/result"
    avatar = queue_service.http.get(result)
    assert reply.status_code == 202
    assert reply.headers["preference-applied"] == "respond-async"
    assert avatar.headers["content-type"] == "image/png"
    assert avatar.headers["x-kernelsight-face"] == "0"
    assert avatar.content.startswith(b"\x89PNG")


def test_json_bodies_with_texts_can_be_jobs(queue_service: Service, jpeg: Jpeg) -> None:
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg("coffee")).decode()
    body = {"input": [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": url}}]}

    reply = queue_service.http.post("/v1/jobs?operation=moderations", json=body)

    view = wait_until_final(queue_service.http, reply.json()["id"])
    assert [part["verdict"] for part in view["result"]["results"][0]["kernelsight"]["parts"]] == ["allow", "allow"]


def test_events_can_be_followed_from_any_event(queue_service: Service, jpeg: Jpeg) -> None:
    id = queue_service.http.post("/v1/jobs?operation=features", files={"file": jpeg("cat")}).json()["id"]

    assert events(queue_service.http, id) == [(1, "queued"), (2, "started"), (3, "done")]
    assert events(queue_service.http, id, **{"Last-Event-ID": "2"}) == [(3, "done")]


def test_an_empty_event_id_starts_from_the_first(queue_service: Service, jpeg: Jpeg) -> None:
    id = queue_service.http.post("/v1/jobs?operation=features", files={"file": jpeg("cat")}).json()["id"]

    assert events(queue_service.http, id, **{"Last-Event-ID": ""})[0] == (1, "queued")


def test_a_client_that_has_seen_the_end_need_not_reconnect(queue_service: Service, jpeg: Jpeg) -> None:
    id = queue_service.http.post("/v1/jobs?operation=features", files={"file": jpeg("cat")}).json()["id"]
    last = events(queue_service.http, id)[-1][0]

    reply = queue_service.http.get(f"/v1/jobs/{id}/events", headers={"Last-Event-ID": str(last)})

    assert reply.status_code == 204
    assert reply.content == b""


def test_the_problem_of_a_failed_job_is_its_result(queue_service: Service, jpeg: Jpeg) -> None:
    id = queue_service.http.post("/v1/jobs?operation=avatars", files={"file": jpeg("coffee")}).json()["id"]

    view = wait_until_final(queue_service.http, id)

    result = queue_service.http.get(f"/v1/jobs/{id}/result")
    problem = "urn:kernelsight:problem:no-suitable-face"
    assert view["state"] == "failed"
    assert view["attempts"] == 1
    assert view["error"]["type"] == problem
    assert result.status_code == 422
    assert result.headers["content-type"] == "application/problem+json"
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
def test_an_invalid_request_is_refused_at_once(
    queue_service: Service, jpeg: Jpeg, path: str, status: int, problem: str
) -> None:
    reply = queue_service.http.post(path, files={"file": jpeg("cat")})

    assert reply.status_code == status
    assert reply.json()["type"] == f"urn:kernelsight:problem:{problem}"


@pytest.mark.parametrize("path", ["jobs/none", "jobs/none/result", "jobs/none/events", "dead-letters/none"])
def test_an_unknown_job_is_a_problem(queue_service: Service, path: str) -> None:
    reply = queue_service.http.get(f"/v1/{path}")

    assert reply.status_code == 404
    assert reply.json()["type"] == "urn:kernelsight:problem:job-unknown"


def test_an_idempotency_key_belongs_to_one_job(queue_service: Service, jpeg: Jpeg) -> None:
    key = {"Idempotency-Key": "upload 17"}

    def submit(name: str) -> httpx2.Response:
        return queue_service.http.post("/v1/jobs?operation=features", files={"file": jpeg(name)}, headers=key)

    first, again, other = submit("cat"), submit("cat"), submit("coffee")

    assert first.json()["id"] == again.json()["id"]
    assert again.status_code == 202
    assert other.status_code == 409
    assert other.json()["type"] == "urn:kernelsight:problem:idempotency-conflict"


def test_a_dead_letter_can_be_listed_requeued_and_dropped(one_attempt_service: Service) -> None:
    http = one_attempt_service.http
    with serving_images() as server:
        body = {"image": {"url": f"{server.url}/status/500"}}
        id = http.post("/v1/jobs?operation=features", json=body).json()["id"]
        view = wait_until_final(http, id)
        letter = http.get(f"/v1/dead-letters/{id}").json()
        listed = http.get("/v1/dead-letters").json()
        requeued = http.post(f"/v1/dead-letters/{id}/requeue")
        again = wait_until_final(http, id)
        dropped = http.delete(f"/v1/dead-letters/{id}")
        gone = http.get(f"/v1/jobs/{id}")

    assert view["state"] == "dead"
    assert view["error"]["type"] == "urn:kernelsight:problem:url-fetch-failed"
    assert letter["work"]["url"] == f"{server.url}/[hidden]"
    assert [one["id"] for one in listed["data"]] == [id]
    assert requeued.status_code == 202
    assert again["state"] == "dead"
    assert dropped.status_code == 204
    assert gone.status_code == 404


def test_a_webhook_gets_a_signed_message_with_the_result(one_attempt_service: Service, jpeg: Jpeg) -> None:
    with serving_images() as server:
        url = f"/v1/jobs?operation=features&callback={server.url}/hook"
        id = one_attempt_service.http.post(url, files={"file": jpeg("cat")}).json()["id"]
        headers, body = wait_for_message(server)

    delivered = Webhook(SECRET).verify(body, headers)  # raises if the signature is wrong
    assert delivered["type"] == "job.done"
    assert delivered["data"]["id"] == id
    assert delivered["data"]["state"] == "done"
    assert len(delivered["data"]["result"]["embedding"]) == 1280


def test_a_webhook_gets_a_message_about_a_failure(one_attempt_service: Service, jpeg: Jpeg) -> None:
    with serving_images() as server:
        url = f"/v1/jobs?operation=avatars&callback={server.url}/hook"
        one_attempt_service.http.post(url, files={"file": jpeg("coffee")})
        _, body = wait_for_message(server)

    delivered = json.loads(body)
    assert delivered["type"] == "job.failed"
    assert delivered["data"]["error"]["status"] == 422


def wait_for_message(server: ImageServer) -> tuple[dict[str, str], bytes]:
    for _ in range(400):
        if server.posted:
            return server.posted[0]
        time.sleep(0.05)
    raise AssertionError("nothing was posted")


def test_a_waiting_job_that_is_cancelled_frees_its_place(jpeg: Jpeg) -> None:
    photo = {"file": jpeg("cat")}
    with serving(worker_here="false", queue_depth="2", pipelines="features") as service:
        wait_for_queue(service.http)
        one, two, three = (service.http.post("/v1/jobs?operation=features", files=photo) for _ in range(3))
        pending = service.http.get(f"/v1/jobs/{one.json()['id']}/result")
        cancelled = service.http.delete(f"/v1/jobs/{one.json()['id']}")
        room = service.http.post("/v1/jobs?operation=features", files=photo)

    assert pending.status_code == 409
    assert pending.json()["type"] == "urn:kernelsight:problem:job-not-done"
    assert two.status_code == 202
    assert three.status_code == 429
    assert int(three.headers["retry-after"]) >= 1
    assert cancelled.json()["state"] == "cancelled"
    assert room.status_code == 202


def test_metrics_count_finished_and_waiting_jobs(queue_service: Service, jpeg: Jpeg) -> None:
    wait_until_final(
        queue_service.http,
        queue_service.http.post("/v1/jobs?operation=features", files={"file": jpeg("cat")}).json()["id"],
    )

    lines = dict(line.rsplit(" ", 1) for line in queue_service.http.get("/metrics").text.splitlines() if line[0] != "#")

    done = float(lines['kernelsight_job_runs_total{priority="interactive",state="done"}'])
    waiting = float(lines['kernelsight_jobs{priority="interactive",state="queued"}'])
    assert done >= 1
    assert waiting == 0
    assert float(lines["kernelsight_queue_up"]) == 1


def test_the_command_line_reads_the_queue_of_a_running_service(one_attempt_service: Service, jpeg: Jpeg) -> None:
    id = one_attempt_service.http.post("/v1/jobs?operation=features", files={"file": jpeg("cat")}).json()["id"]
    wait_until_final(one_attempt_service.http, id)
    queue = one_attempt_service.settings["queue_data"]

    shown = run("jobs", "show", id, queue_data=queue)
    depth = run("jobs", "depth", queue_data=queue)
    unknown = run("jobs", "dead", "requeue", id, queue_data=queue)

    assert json.loads(shown.stdout)["state"] == "done"
    assert "interactive" in depth.stdout
    assert unknown.returncode == 1
    assert unknown.stderr == f"kernelsight: job {id!r} is done, not a dead letter\n"
