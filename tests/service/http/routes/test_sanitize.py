"""`/v1/sanitize` and `kernelsight sanitize`."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Jpeg
from tests.pipelines.images import animation, encode, photograph
from tests.serving import Service, run


def test_the_reply_is_the_sanitised_image_file(service: Service, jpeg: Jpeg) -> None:
    reply = service.http.post("/v1/sanitize", files={"file": jpeg("cat") + b"behind the end"})

    image = Image.open(io.BytesIO(reply.content))
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "image/jpeg"
    assert image.format == "JPEG"
    assert image.size == (451, 300)
    assert b"behind" not in reply.content
    assert reply.headers["X-KernelSight-Frames"] == "1"
    assert reply.headers["X-KernelSight-Result-Id"].startswith("res_")


def test_options_can_be_in_the_query_or_the_body(service: Service) -> None:
    data = animation(3, "GIF")
    body = {"image": {"data": base64.b64encode(data).decode()}, "format": "webp", "max_side": 12}

    replies = [
        service.http.post("/v1/sanitize", files={"file": data}, params={"format": "webp", "max_side": 12}),
        service.http.post("/v1/sanitize", json=body),
    ]

    assert [
        (one.headers["content-type"], Image.open(io.BytesIO(one.content)).size, one.headers["X-KernelSight-Frames"])
        for one in replies
    ] == [("image/webp", (12, 8), "3")] * 2


@pytest.mark.parametrize("options", [{"quality": 0}, {"format": "gif"}, {"max_side": 0}, {"strip": "all"}], ids=str)
def test_options_out_of_range_are_refused(service: Service, jpeg: Jpeg, options: dict[str, str | int]) -> None:
    body = {"image": {"data": base64.b64encode(jpeg("cat")).decode()}, **options}

    reply = service.http.post("/v1/sanitize", json=body)

    assert reply.status_code == 422
    assert reply.json()["type"] == "urn:kernelsight:problem:request-rejected"


def test_analyze_does_not_sanitise(service: Service, jpeg: Jpeg) -> None:
    reply = service.http.post("/v1/analyze", files={"file": jpeg("cat")}, params={"pipelines": "sanitize"})

    assert reply.status_code == 422
    assert "no 'sanitize' here" in reply.json()["detail"]


def test_the_command_writes_the_format_of_the_suffix(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(encode(photograph("cat"), "PNG") + b"behind the end")

    done = run("sanitize", str(tmp_path / "in.png"), str(tmp_path / "out.webp"), "--max-side", "100")

    image = Image.open(io.BytesIO((tmp_path / "out.webp").read_bytes()))
    assert done.returncode == 0
    assert image.format == "WEBP"
    assert image.size == (100, 67)
    assert "out.webp: 100 x 67 pixels" in done.stderr


def test_the_command_refuses_other_suffixes(tmp_path: Path) -> None:
    done = run("sanitize", "in.jpg", str(tmp_path / "out.gif"))

    assert done.returncode == 2
    assert ".webp" in done.stderr


def test_the_command_reports_a_path_that_cannot_be_written(tmp_path: Path, jpeg: Jpeg) -> None:
    (tmp_path / "in.jpg").write_bytes(jpeg("cat"))

    done = run("sanitize", str(tmp_path / "in.jpg"), str(tmp_path / "missing" / "out.png"))

    assert done.returncode == 1
    assert "cannot write" in done.stderr
