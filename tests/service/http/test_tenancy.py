"""Tenants on a running service: what one key makes does not exist for another, and nobody reads secrets back."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pipelines.moderation.policy_file import BUILT_IN
from service.keys.key_file import KeyFile
from service.keys.scopes import SCOPES
from tests.conftest import Jpeg
from tests.service.image_server import serving_images
from tests.serving import Service, problem_code, run, serving

USER_SCOPES = ("analyze", "jobs", "batches", "feedback")
TENANTS = "\ntenants:\n  acme: {on_error: block}\n  school: {on_error: block}\n"

Client = httpx2.Client


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Client]]:
    """A client for each key, and one without: `acme` and `acme-2` share a tenant."""
    folder = tmp_path_factory.mktemp("tenants")
    (folder / "policy.yaml").write_text(BUILT_IN.read_text() + TENANTS)
    file = KeyFile(folder / "keys.json")
    tokens = {
        "acme": file.create("acme", scopes=USER_SCOPES),
        "acme-2": file.create("acme-2", tenant="acme", scopes=USER_SCOPES),
        "other": file.create("other", scopes=USER_SCOPES),
        "few": file.create("few", scopes=["analyze", "jobs"], requests_per_minute=3),
        "small": file.create("small", scopes=["analyze"], pixels_per_minute=100_000),
        "later": file.create("later", scopes=["analyze", "jobs"], pixels_per_minute=100_000),
        "jobs": file.create("jobs", scopes=["jobs", "batches"]),
        "operator": file.create("operator", scopes=SCOPES),
    }
    with serving(
        keys=str(file.path), policy=str(folder / "policy.yaml"), pipelines="features,moderation", url_inputs="any",
        job_attempts="1", queue_data=str(folder / "queue"),
    ) as service:  # fmt: skip
        headers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
        made = {name: open_client(service, one) for name, one in headers.items()} | {"none": open_client(service, {})}
        while made["operator"].get("/v1/dead-letters").status_code == 503:
            time.sleep(0.05)
        yield made
        for client in made.values():
            client.close()


def open_client(service: Service, headers: dict[str, str]) -> Client:
    return Client(base_url=service.url, headers=headers, timeout=60)


def wait_until_final(client: Client, path: str, field: str) -> dict[str, Any]:
    for _ in range(600):
        view: dict[str, Any] = client.get(path).json()
        if view[field] in ("done", "failed", "dead", "completed"):
            return view
        time.sleep(0.05)
    raise AssertionError("it does not end")


@pytest.fixture(scope="module")
def job(clients: dict[str, Client], jpeg: Jpeg) -> str:
    reply = clients["acme"].post("/v1/jobs?operation=features", files={"file": jpeg("cat")})
    id: str = reply.json()["id"]
    assert wait_until_final(clients["acme"], f"/v1/jobs/{id}", "state")["state"] == "done"
    return id


@pytest.fixture(scope="module")
def batch(clients: dict[str, Client]) -> dict[str, Any]:
    line = {"custom_id": "1", "method": "POST", "url": "/v1/moderations", "body": {"input": "hello"}}
    upload = {"file": ("in.jsonl", json.dumps(line).encode())}
    file = clients["acme"].post("/v1/files", files=upload, data={"purpose": "batch"}).json()
    body = {"input_file_id": file["id"], "endpoint": "/v1/moderations"}
    id = clients["acme"].post("/v1/batches", json=body).json()["id"]
    return wait_until_final(clients["acme"], f"/v1/batches/{id}", "status")


JobRequests: dict[str, Callable[[Client, str], httpx2.Response]] = {
    "status": lambda client, id: client.get(f"/v1/jobs/{id}"),
    "result": lambda client, id: client.get(f"/v1/jobs/{id}/result"),
    "events": lambda client, id: client.get(f"/v1/jobs/{id}/events"),
    "cancel": lambda client, id: client.delete(f"/v1/jobs/{id}"),
}


@pytest.mark.parametrize("request_name", JobRequests)
def test_a_job_exists_for_its_tenant_and_operators_alone(
    clients: dict[str, Client], job: str, request_name: str
) -> None:
    ask = JobRequests[request_name]

    assert {name: ask(clients[name], job).status_code for name in ("acme", "acme-2", "operator")} == {
        "acme": 200, "acme-2": 200, "operator": 200,
    }  # fmt: skip
    refused = ask(clients["other"], job)
    assert (refused.status_code, problem_code(refused)) == (404, "job-unknown")


def test_a_job_says_whose_it_is(clients: dict[str, Client], job: str) -> None:
    assert clients["operator"].get(f"/v1/jobs/{job}").json()["tenant"] == "acme"


def test_an_idempotency_key_is_its_tenants_own(clients: dict[str, Client], jpeg: Jpeg) -> None:
    def submit(name: str, photo: str) -> httpx2.Response:
        return clients[name].post(
            "/v1/jobs?operation=features", files={"file": jpeg(photo)}, headers={"Idempotency-Key": "one"}
        )

    first, again, other = submit("acme", "cat"), submit("acme-2", "cat"), submit("other", "coffee")

    assert again.json()["id"] == first.json()["id"]
    assert other.status_code == 202
    assert other.json()["id"] != first.json()["id"]


FileRequests: dict[str, Callable[[Client, str], httpx2.Response]] = {
    "metadata": lambda client, id: client.get(f"/v1/files/{id}"),
    "content": lambda client, id: client.get(f"/v1/files/{id}/content"),
    "a batch of it": lambda client, id: client.post(
        "/v1/batches", json={"input_file_id": id, "endpoint": "/v1/moderations"}
    ),
}


@pytest.mark.parametrize("kind", ["input_file_id", "output_file_id"])
@pytest.mark.parametrize("request_name", FileRequests)
def test_a_file_exists_for_its_tenant_and_operators_alone(
    clients: dict[str, Client], batch: dict[str, Any], kind: str, request_name: str
) -> None:
    ask = FileRequests[request_name]

    assert [ask(clients[name], batch[kind]).status_code for name in ("acme-2", "operator")] == [200, 200]
    refused = ask(clients["other"], batch[kind])
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "file-unknown")


def test_another_tenant_cannot_remove_a_file(clients: dict[str, Client], batch: dict[str, Any]) -> None:
    path = f"/v1/files/{batch['output_file_id']}"

    assert clients["other"].delete(path).status_code == 404
    assert clients["acme"].get(path).status_code == 200


@pytest.mark.parametrize(
    "ask", [lambda client, path: client.get(path), lambda client, path: client.post(f"{path}/cancel")]
)
def test_a_batch_exists_for_its_tenant_alone(
    clients: dict[str, Client], batch: dict[str, Any], ask: Callable[[Client, str], httpx2.Response]
) -> None:
    refused, own = (ask(clients[name], f"/v1/batches/{batch['id']}") for name in ("other", "acme-2"))

    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "batch-unknown")
    assert own.status_code in (200, 409)  # it has ended, so it cannot be cancelled


def test_listings_have_a_tenants_own_alone(clients: dict[str, Client], batch: dict[str, Any]) -> None:
    def listed(name: str, kind: str) -> set[str]:
        return {one["id"] for one in clients[name].get(f"/v1/{kind}").json()["data"]}

    assert batch["id"] in listed("acme-2", "batches") & listed("operator", "batches")
    assert batch["output_file_id"] in listed("acme-2", "files") & listed("operator", "files")
    assert listed("other", "batches") == listed("other", "files") == set()


def test_feedback_is_possible_on_a_tenants_own_results_alone(clients: dict[str, Client], jpeg: Jpeg) -> None:
    result = clients["acme"].post("/v1/features", files={"file": jpeg("cat")}).json()["result_id"]
    wrong = {"result_id": result, "verdict": "wrong", "comment": "a secret of acme"}

    refused, accepted = (clients[name].post("/v1/feedback", json=wrong) for name in ("other", "acme-2"))

    assert (refused.status_code, problem_code(refused)) == (404, "result-unknown")
    assert accepted.status_code == 200
    disputed = {name: clients[name].get("/v1/feedback/disputed").json()["data"] for name in ("acme", "other")}
    assert [one["result_id"] for one in disputed["acme"]] == [result]
    assert (disputed["acme"][0]["record"]["key"], disputed["acme"][0]["record"]["tenant"]) == ("acme", "acme")
    assert disputed["other"] == []


def test_a_jobs_result_belongs_to_its_tenant_as_well(clients: dict[str, Client], job: str) -> None:
    result = clients["acme"].get(f"/v1/jobs/{job}").json()["result"]["result_id"]
    right = {"result_id": result, "verdict": "right"}

    assert [clients[name].post("/v1/feedback", json=right).status_code for name in ("other", "acme")] == [404, 200]


def moderate(client: Client, **options: str) -> httpx2.Response:
    return client.post("/v1/moderations", json={"input": "hello", **options})


def policy_tenants(reply: Any) -> set[str | None]:
    """The tenants that moderations anywhere in an answer name."""
    if isinstance(reply, dict):
        own = {reply.get("tenant")} if "policy_sha256" in reply else set()
        return own.union(*(policy_tenants(one) for one in reply.values()))
    return set().union(*(policy_tenants(one) for one in reply)) if isinstance(reply, list) else set()


def test_the_policys_changes_for_a_keys_tenant_apply_unasked(clients: dict[str, Client], jpeg: Jpeg) -> None:
    analyzed = clients["acme"].post("/v1/analyze?pipelines=moderation", files={"file": jpeg("cat")})

    assert policy_tenants(moderate(clients["acme-2"]).json()) == {"acme"}
    assert policy_tenants(analyzed.json()) == {"acme"}
    assert policy_tenants(moderate(clients["other"]).json()) == {None}


def test_a_key_cannot_be_moderated_as_another_tenant(clients: dict[str, Client], jpeg: Jpeg) -> None:
    form = {"moderation": json.dumps({"tenant": "school"}), "pipelines": "moderation"}
    replies = [
        moderate(clients["acme"], tenant="school"),
        clients["acme"].post("/v1/moderations?tenant=school", files={"file": jpeg("cat")}),
        clients["acme"].post("/v1/analyze", files={"file": jpeg("cat")}, data=form),
    ]

    assert [reply.status_code for reply in replies] == [403, 403, 403]


def test_the_policy_follows_the_tenant_into_batches(clients: dict[str, Client], batch: dict[str, Any]) -> None:
    output = clients["acme"].get(f"/v1/files/{batch['output_file_id']}/content").text

    assert policy_tenants([json.loads(line) for line in output.splitlines()]) == {"acme"}


def test_a_job_and_a_batch_need_the_operations_scope_too(clients: dict[str, Client], jpeg: Jpeg) -> None:
    job = clients["jobs"].post("/v1/jobs?operation=features", files={"file": jpeg("cat")})
    batch = clients["jobs"].post("/v1/batches", json={"input_file_id": "file-1", "endpoint": "/v1/moderations"})

    assert (job.status_code, problem_code(job)) == (403, "forbidden")
    assert (batch.status_code, batch.json()["error"]["code"]) == (403, "forbidden")


def test_a_route_that_answers_by_a_job_needs_the_scope_of_jobs(clients: dict[str, Client], jpeg: Jpeg) -> None:
    reply = clients["small"].post("/v1/features", files={"file": jpeg("cat")}, headers={"Prefer": "respond-async"})

    assert (reply.status_code, problem_code(reply)) == (403, "forbidden")


def test_reading_documents_within_an_analysis_needs_their_scope(clients: dict[str, Client], jpeg: Jpeg) -> None:
    reply = clients["acme"].post("/v1/analyze?pipelines=features,document", files={"file": jpeg("cat")})

    assert (reply.status_code, problem_code(reply)) == (403, "forbidden")


def test_secrets_of_a_dead_letter_are_not_shown_again(clients: dict[str, Client]) -> None:
    with serving_images() as server:
        image = {"url": f"{server.url}/status/500?signature=open-sesame"}
        body = {"image": image, "pipelines": ["document"], "document": {"password": "open-sesame"}}
        id = clients["operator"].post("/v1/jobs?operation=analyze", json=body).json()["id"]
        wait_until_final(clients["operator"], f"/v1/jobs/{id}", "state")
        letter = clients["operator"].get(f"/v1/dead-letters/{id}")

    assert letter.status_code == 200
    assert letter.json()["work"]["url"] == f"{server.url}/[hidden]"
    assert letter.json()["work"]["fields"]["document"] == {"password": "[hidden]"}
    assert "open-sesame" not in letter.text


def test_a_password_in_the_query_reaches_a_job_and_is_not_shown(clients: dict[str, Client]) -> None:
    reply = clients["operator"].post(
        "/v1/documents?password=open-sesame", files={"file": b"%PDF-"}, headers={"Prefer": "respond-async"}
    )
    view = wait_until_final(clients["operator"], f"/v1/jobs/{reply.json()['id']}", "state")

    assert reply.status_code == 202
    assert "open-sesame" not in json.dumps(view)


def test_requests_over_a_keys_limit_are_refused_with_headers(clients: dict[str, Client]) -> None:
    replies = [clients["few"].get("/v1/jobs/none") for _ in range(5)]

    assert [reply.status_code for reply in replies] == [404, 404, 404, 429, 429]
    assert [reply.headers["ratelimit"].partition(";t=")[0] for reply in replies] == [
        f'"requests";r={left}' for left in (2, 1, 0, 0, 0)
    ]
    assert problem_code(replies[-1]) == "rate-limited"
    assert 0 < int(replies[-1].headers["retry-after"]) <= 120


def test_pixels_over_a_keys_limit_refuse_the_next_image(clients: dict[str, Client], jpeg: Jpeg) -> None:
    photo = {"file": jpeg("cat")}  # 451 × 300
    replies = [clients["small"].post("/v1/features", files=photo) for _ in range(2)]

    assert [reply.status_code for reply in replies] == [200, 429]
    assert problem_code(replies[1]) == "rate-limited"


def test_pixels_of_a_job_count_for_the_key_that_sent_it(clients: dict[str, Client], jpeg: Jpeg) -> None:
    photo = {"file": jpeg("cat")}
    id = clients["later"].post("/v1/jobs?operation=features", files=photo).json()["id"]
    wait_until_final(clients["later"], f"/v1/jobs/{id}", "state")

    assert clients["later"].post("/v1/features", files=photo).status_code == 429


def test_a_key_is_refused_before_its_body_is_read(clients: dict[str, Client]) -> None:
    damaged = clients["none"].post("/v1/feedback", content=b"{", headers={"Content-Type": "application/json"})

    assert (damaged.status_code, problem_code(damaged)) == (401, "unauthorised")


def test_keys_are_made_listed_and_revoked_by_the_command_line(tmp_path: Path) -> None:
    keys = str(tmp_path / "keys.json")
    made = run("keys", "create", "shop", "--scopes", "analyze,jobs", "--rpm", "60", keys=keys)
    listed = run("keys", "list", "--json", keys=keys)
    revoked = run("keys", "revoke", "shop", keys=keys)

    assert made.stdout.startswith("ks_")
    assert json.loads(listed.stdout) | {"created_at": 0} == {
        "name": "shop", "tenant": "shop", "scopes": ["analyze", "jobs"], "requests_per_minute": 60, "created_at": 0,
    }  # fmt: skip
    assert revoked.stdout == "shop: revoked\n"
    assert run("keys", "list", "--json", keys=keys).stdout == ""


def test_operators_routes_are_on_the_second_port_alone() -> None:
    with serving(ready=False, operate_port="0") as service:
        assert service.process.stdout is not None
        found = re.search(r"http://\S+", service.process.stdout.readline())
        assert found is not None
        assert [httpx2.get(f"{url}/metrics").status_code for url in (service.url, found[0])] == [404, 200]
        assert [httpx2.get(f"{url}/healthz").status_code for url in (service.url, found[0])] == [200, 200]


def test_the_second_port_is_not_exposed_without_a_key(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", operate_port="0", operate_host="0.0.0.0", keys=str(tmp_path / "keys.json"))

    assert done.returncode == 1
    assert "refusing to listen on '0.0.0.0'" in done.stderr


def test_a_file_of_keys_allows_to_listen_beyond_loopback(tmp_path: Path) -> None:
    KeyFile(tmp_path / "keys.json").create("shop", scopes=["analyze"])

    with serving("--host", "0.0.0.0", ready=False, keys=str(tmp_path / "keys.json")) as service:
        assert service.url.startswith("http://0.0.0.0:")
