"""Every field that takes a URL refuses every bad one with a typed error, and tells nothing about the inner network."""

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.crops import crops
from tests.service.network.bad_urls import BAD_URLS, INNER_ADDRESSES
from tests.service.network.url_fields import UrlField, find_url_fields
from tests.serving import Service, serving, wait_for_queue

# A new field fails here until it is listed; whether it refuses bad URLs is then tested without another word.
FIELDS = {
    "POST /v1/features image.url",
    "POST /v1/objects image.url",
    "POST /v1/faces image.url",
    "POST /v1/avatars image.url",
    "POST /v1/explain image.url",
    "POST /v1/sanitize image.url",
    "POST /v1/analyze image.url",
    "POST /v1/documents document.url",
    "POST /v1/categories/{name}/score image.url",
    "POST /v1/embeddings input",
    "POST /v1/embeddings input[]",
    "POST /v1/embeddings input[].image",
    "POST /v1/embeddings input[].image_url.url",
    "POST /v1/moderations input[].image_url.url",
    "POST /v1/jobs image.url",
    "POST /v1/jobs ?callback",
}
SECRET = "whsec_" + "QUJD" * 8
INNER_HOSTS = ("127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "169.254.169.254")


@pytest.fixture(scope="module")
def own_service() -> Iterator[Service]:
    with serving(webhook_secret=SECRET) as running:
        wait_for_queue(running.http)
        classes = {"positive": crops("cat", 12), "negative": crops("coffee", 12)}
        files = [(kind, (f"{kind}.jpg", one)) for kind, images in classes.items() for one in images]
        assert running.http.put("/v1/categories/name", files=files).status_code == 200
        yield running


@pytest.fixture(scope="module")
def fields(own_service: Service) -> dict[str, UrlField]:
    document = own_service.http.get("/openapi.json").json()
    return {str(field): field for field in find_url_fields(document)}


def ask(http: httpx2.Client, field: UrlField, url: str) -> tuple[int, str, str]:
    """Status, problem and whole answer; of a job that was taken, those of its end."""
    method, _, path = field.route.partition(" ")
    query, body = field.make(url)
    reply = http.request(method, path.replace("{name}", "name"), params=query, json=body)
    if reply.status_code == 202:
        reply = wait_for_result(http, reply.json()["id"])
    found: Any = reply.json()
    code = found["error"]["code"] if "error" in found else found["type"].rpartition(":")[2]
    return reply.status_code, code, reply.text


def wait_for_result(http: httpx2.Client, job: str) -> httpx2.Response:
    for _ in range(3000):
        if http.get(f"/v1/jobs/{job}").json()["ended_at"] is not None:
            return http.get(f"/v1/jobs/{job}/result")
        time.sleep(0.01)
    raise AssertionError(f"job {job} has not ended")


def test_there_are_89_bad_urls() -> None:
    assert len(set(BAD_URLS)) >= 89


def test_every_field_that_takes_a_url_is_in_the_table(fields: dict[str, UrlField]) -> None:
    assert fields.keys() == FIELDS


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_field_refuses_every_bad_url(own_service: Service, fields: dict[str, UrlField], name: str) -> None:
    answers = {url: ask(own_service.http, fields[name], url) for url in BAD_URLS}

    # Embeddings say that texts are not embedded before they ask whether a text is a URL.
    allowed = {(422, "url-rejected"), (400, "request-rejected")} if "embeddings" in name else {(422, "url-rejected")}
    assert {url: answer for url, (*answer, _) in answers.items() if tuple(answer) not in allowed} == {}
    assert {url for url in INNER_ADDRESSES if answers[url][1] != "url-rejected"} == set()
    told = {
        (url, host) for url, (*_, text) in answers.items() for host in INNER_HOSTS if host in text and host not in url
    }
    assert told == set()
