"""`/v1/faces`, `/v1/avatars`, `kernelsight faces` and `kernelsight avatar`."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.conftest import Jpeg
from tests.pipelines.images import photograph
from tests.serving import Service, run

PROBLEM = "urn:kernelsight:problem:"


def post(service: Service, route: str, image: bytes, **query: Any) -> httpx2.Response:
    return service.http.post(f"/v1/{route}", files={"file": ("photo.jpg", image)}, params=query)


def image_in(reply: httpx2.Response) -> Image.Image:
    assert reply.status_code == 200, reply.text
    return Image.open(io.BytesIO(reply.content))


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_face_has_box_landmarks_pose_and_quality(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, "faces", jpeg("astronaut")).json()

    face = reply["faces"][reply["primary"]]
    assert face.keys() == {"box", "score", "is_face", "position", "landmarks", "pose", "quality"}
    assert face["landmarks"].keys() == {"left_eye", "right_eye", "nose", "left_mouth", "right_mouth"}
    assert face["landmarks"]["left_eye"] == pytest.approx((203.5, 101.0), abs=4)
    assert reply["count"] == 1
    assert face["position"] == "top"
    assert face["quality"]["reasons"] == []


def test_the_reply_names_detector_and_thresholds(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, "faces", jpeg("astronaut")).json()

    assert reply.keys() >= {
        "result_id",
        "image",
        "models",
        "timings",
        "prompt",
        "detector",
        "threshold",
        "smallest_face",
    }
    assert reply["timings"].keys() >= {"total", "decode", "faces.detect", "faces.session", "faces.measure"}
    assert reply["detector"] == service.http.get("/v1/models").json()["tasks"]["faces"]["name"]


def test_an_image_without_faces_is_a_200(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, "faces", jpeg("coffee"))

    body = reply.json()
    assert reply.status_code == 200
    assert body["count"] == 0
    assert body["primary"] is None
    assert "face" not in body["prompt"].lower()


def test_weak_candidates_are_listed_but_do_not_count(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, "faces", jpeg("astronaut"), threshold=1).json()

    assert reply["count"] == 0
    assert [face["is_face"] for face in reply["faces"]] == [False] * len(reply["faces"])
    assert reply["faces"]


@pytest.mark.parametrize(
    ("options", "listed"), [({"min_score": 1}, 0), ({"max_faces": 1}, 1), ({"min_face_size": 300}, 0)], ids=str
)
def test_options_filter_faces(service: Service, jpeg: Jpeg, options: dict[str, float], listed: int) -> None:
    assert len(post(service, "faces", jpeg("astronaut"), **options).json()["faces"]) == listed


@pytest.mark.parametrize(
    "options",
    [{"threshold": 2}, {"min_score": -1}, {"max_faces": 0}, {"min_face_size": 0}, {"effort": "some"}, {"turned": "?"}],
    ids=str,
)
def test_the_problem_names_the_option_out_of_range(service: Service, jpeg: Jpeg, options: dict[str, Any]) -> None:
    reply = post(service, "faces", jpeg("astronaut"), **options)

    assert reply.status_code == 422
    assert reply.json()["type"] == PROBLEM + "request-rejected"
    assert next(iter(options)) in reply.json()["detail"]


def test_the_box_of_a_face_at_the_border_stays_inside(service: Service) -> None:
    image = photograph("astronaut").crop((185, 60, 262, 190))
    [face] = [one for one in post(service, "faces", png(image)).json()["faces"] if one["is_face"]]

    x0, y0, x1, y1 = face["box"]
    assert 0 <= x0 < x1 <= image.width
    assert 0 <= y0 < y1 <= image.height


def test_an_image_is_turned_upright_by_its_exif_orientation(service: Service) -> None:
    lying, file = photograph("astronaut").transpose(Image.Transpose.ROTATE_90), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(file, "JPEG", exif=exif)
    [face] = [one for one in post(service, "faces", file.getvalue()).json()["faces"] if one["is_face"]]

    assert face["landmarks"]["left_eye"] == pytest.approx((203.5, 101.0), abs=4)


def test_the_prompt_of_analyze_describes_faces(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, "analyze", jpeg("astronaut"), pipelines="features,faces").json()

    assert "Faces: 1 (" in reply["prompt"]
    assert "suitability" not in reply["prompt"]
    assert reply.keys() >= {"features", "faces"}


def test_analyze_refuses_the_avatar_pipeline(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, "analyze", jpeg("astronaut"), pipelines="avatar")

    assert reply.status_code == 422
    assert reply.json()["type"] == PROBLEM + "request-rejected"


@pytest.mark.parametrize("format", ["png", "webp"])
@pytest.mark.parametrize("shape", ["square", "circle"])
@pytest.mark.parametrize("size", [32, 333, 1024])
def test_avatars_have_the_requested_format_shape_and_size(
    service: Service, jpeg: Jpeg, format: str, shape: str, size: int
) -> None:
    reply = post(service, "avatars", jpeg("astronaut"), format=format, shape=shape, size=size)

    image = image_in(reply)
    corner = image.convert("RGBA").getpixel((0, 0))
    assert reply.headers["content-type"] == f"image/{format}"
    assert image.size == (size, size)
    assert isinstance(corner, tuple)
    assert corner[3] == (0 if shape == "circle" else 255)


def test_an_avatars_headers_name_its_face(service: Service, jpeg: Jpeg) -> None:
    found = post(service, "faces", jpeg("astronaut")).json()
    headers = post(service, "avatars", jpeg("astronaut")).headers

    box = ",".join(map(str, found["faces"][0]["box"]))
    assert headers["x-kernelsight-face"] == "0"
    assert headers["x-kernelsight-face-box"] == box
    assert headers["x-kernelsight-result-id"].startswith("res_")


def test_a_face_can_be_chosen_by_its_index(service: Service) -> None:
    face = photograph("astronaut").crop((130, 0, 330, 200))
    pair = Image.new("RGB", (400, 200))
    pair.paste(face, (0, 0))
    pair.paste(face.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (200, 0))
    boxes = [
        post(service, "avatars", png(pair), face=index).headers["x-kernelsight-face-box"].split(",") for index in (0, 1)
    ]

    assert sorted(float(box[0]) > 200 for box in boxes) == [False, True]


@pytest.mark.parametrize("body", [{"face": 7}, {"min_suitability": 1}], ids=str)
def test_the_problem_of_an_unsuitable_face_lists_the_faces(service: Service, body: dict[str, Any]) -> None:
    small = photograph("astronaut").resize((200, 200))
    image = {"data": base64.b64encode(png(small)).decode()}
    reply = service.http.post("/v1/avatars", json={"image": image} | body)

    problem = reply.json()
    assert reply.status_code == 422
    assert problem["type"] == PROBLEM + "no-suitable-face"
    assert problem["found"]["count"] == 1


def test_an_image_without_a_face_gives_no_avatar(service: Service, jpeg: Jpeg) -> None:
    reply = post(service, "avatars", jpeg("coffee"))

    assert reply.status_code == 422
    assert reply.json()["type"] == PROBLEM + "no-suitable-face"
    assert reply.json()["found"]["count"] == 0


@pytest.mark.parametrize(
    "options",
    [
        {"size": 31},
        {"size": 1025},
        {"shape": "star"},
        {"format": "gif"},
        {"face": -1},
        {"face": "x"},
        {"padding": "red"},
    ],
    ids=str,
)
def test_avatar_options_out_of_range_are_refused(service: Service, jpeg: Jpeg, options: dict[str, Any]) -> None:
    reply = post(service, "avatars", jpeg("astronaut"), **options)

    assert reply.status_code == 422
    assert reply.json()["type"] == PROBLEM + "request-rejected"


def test_the_models_route_names_the_detector_and_the_reason(service: Service) -> None:
    faces = service.http.get("/v1/models").json()["tasks"]["faces"]

    better = [one["name"] for one in faces["passed_over"]]
    assert (faces["name"], better) in [("yunet", []), ("mtcnn", ["yunet"])]
    assert faces["reason"]


def test_the_command_line_draws_the_faces(tmp_path: Path, jpeg: Jpeg) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg("astronaut"))
    done = run("faces", str(tmp_path / "a.jpg"), "--json", "--draw", str(tmp_path / "drawn.png"))

    box = json.loads(done.stdout)["faces"][0]["box"]
    drawn = Image.open(tmp_path / "drawn.png").convert("RGB")
    assert done.returncode == 0
    assert drawn.size == (512, 512)
    assert drawn.getpixel((int(box[0]), int(sum(box[1::2]) / 2))) == (0, 200, 83)  # the primary face is green


def test_the_command_line_writes_an_avatar(tmp_path: Path, jpeg: Jpeg) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg("astronaut"))
    done = run("avatar", str(tmp_path / "a.jpg"), str(tmp_path / "out.webp"), "--size", "64", "--circle")

    with Image.open(tmp_path / "out.webp") as image:
        assert done.returncode == 0
        assert image.format == "WEBP"
        assert image.size == (64, 64)
        assert image.mode == "RGBA"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("avatar", "{coffee}", "{folder}/a.png"), 1, "there is no face in this image"),
        (("avatar", "{coffee}", "{folder}/a.gif"), 2, ".png or .webp"),
        (("avatar", "{coffee}", "{folder}/a.png", "--padding", "red"), 2, "--padding"),
        (("avatar", "{folder}/none.jpg", "{folder}/a.png"), 1, "none.jpg: No such file"),
        (("avatar", "{coffee}", "{folder}/missing/a.png", "--face", "-3"), 2, "--face"),
        (("avatar", "{face}", "{folder}/missing/a.png"), 1, "missing/a.png: No such file"),
        (("faces", "{coffee}", "--draw", "{folder}/a.unknown"), 1, "cannot write"),
        (("faces", "{coffee}", "--draw", "{folder}/missing/a.png"), 1, "missing/a.png: No such file"),
        (("faces", "{coffee}", "{coffee}", "--draw", "{folder}/a.png"), 2, "folder"),
    ],
    ids=str,
)
def test_the_command_line_reports_errors_in_one_line(
    tmp_path: Path, jpeg: Jpeg, arguments: tuple[str, ...], code: int, words: str
) -> None:
    (tmp_path / "coffee.jpg").write_bytes(jpeg("coffee"))
    (tmp_path / "face.jpg").write_bytes(jpeg("astronaut"))
    names = {"coffee": tmp_path / "coffee.jpg", "face": tmp_path / "face.jpg", "folder": tmp_path}
    done = run(*(one.format(**names) for one in arguments))

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
