"""`/v1/sanitize` and `kernelsight sanitize`."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Jpeg
from tests.pipelines.images import animation, encode, photograph
from tests.serving import Service, run


def test_the_clean_image_comes_back_as_a_file(service: Service, jpeg: Jpeg) -> None:
    reply = service.http.post("/v1/sanitize", files={"file": jpeg("cat") + b"behind the end"})

    image = Image.open(io.BytesIO(reply.content))
    assert (reply.status_code, reply.headers["content-type"], image.format, image.size) == (
        200, "image/jpeg", "JPEG", (451, 300),
    )  # fmt: skip
    assert (b"behind" in reply.content, reply.headers["X-KernelSight-Frames"]) == (False, "1")
    assert reply.headers["X-KernelSight-Result-Id"].startswith("res_")


def test_options_come_in_the_query_or_in_the_body(service: Service) -> None:
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

    assert (reply.status_code, reply.json()["type"]) == (422, "urn:kernelsight:problem:request-rejected")


def test_analyze_does_not_sanitise(service: Service, jpeg: Jpeg) -> None:
    reply = service.http.post("/v1/analyze", files={"file": jpeg("cat")}, params={"pipelines": "sanitize"})

    assert (reply.status_code, "no 'sanitize' here" in reply.json()["detail"]) == (422, True)


def test_the_command_writes_the_format_that_the_name_says(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(encode(photograph("cat"), "PNG") + b"behind the end")

    done = run("sanitize", str(tmp_path / "in.png"), str(tmp_path / "out.webp"), "--max-side", "100")

    image = Image.open(io.BytesIO((tmp_path / "out.webp").read_bytes()))
    assert (done.returncode, image.format, image.size, "out.webp: 100 x 67 pixels" in done.stderr) == (
        0, "WEBP", (100, 67), True,
    )  # fmt: skip


def test_the_command_knows_three_suffixes(tmp_path: Path) -> None:
    done = run("sanitize", "in.jpg", str(tmp_path / "out.gif"))

    assert (done.returncode, ".webp" in done.stderr) == (2, True)


def test_the_command_says_where_it_cannot_write(tmp_path: Path, jpeg: Jpeg) -> None:
    (tmp_path / "in.jpg").write_bytes(jpeg("cat"))

    done = run("sanitize", str(tmp_path / "in.jpg"), str(tmp_path / "missing" / "out.png"))

    assert (done.returncode, "cannot write" in done.stderr) == (1, True)
