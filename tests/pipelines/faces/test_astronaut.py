"""A real photograph, turned, mirrored, scaled and cropped, through real models: the avatar always looks the same."""

import asyncio
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipelines.errors import NoSuitableFace
from pipelines.faces.avatar import EYE_DISTANCE, EYE_LEVEL, compute_frame
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.faces.spec import AVATAR, FACES
from pipelines.faces.types import Avatar, Faces
from service.components import Components, open_components
from service.settings import ModelSettings, Settings
from service.telemetry.metrics import Metrics
from tests.marks import needs_yunet
from tests.pipelines.images import photograph

EYES = np.array([[203.5, 101.0], [246.8, 103.5]])  # the middles of the pupils, found by eye
EYE_PLACES = np.array([[0.5 - EYE_DISTANCE / 2, EYE_LEVEL], [0.5 + EYE_DISTANCE / 2, EYE_LEVEL]])
TIGHT = (188, 72, 264, 166)  # from the eyebrows to the chin: the face fills it and more
TIGHTER = (206, 92, 248, 146)  # from the lids to the lower lip, no wider than the eyes

WHOLE_FACE = (183, 62, 266, 178)
SIDES = ("left", "top", "right", "bottom")

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Photo:
    """A rendition of a photograph, and its pupils: first the left one as seen on the upright face."""

    image: Image.Image
    eyes: Points

    @property
    def file(self) -> bytes:
        out = io.BytesIO()
        self.image.save(out, "PNG", compress_level=1)
        return out.getvalue()


def load_astronaut() -> Photo:
    return Photo(photograph("astronaut"), EYES)


def rotate(photo: Photo, degrees: float) -> Photo:
    """Rotate counterclockwise about the middle, on a canvas that holds all of the photo."""
    image = photo.image.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC)
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle, new = np.array(photo.image.size) / 2, np.array(image.size) / 2
    return Photo(image, (photo.eyes - middle) @ rotation + new)


def mirror(photo: Photo) -> Photo:
    eyes = photo.eyes * (-1, 1) + (photo.image.width, 0)
    return Photo(photo.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), eyes[::-1])


def scale(photo: Photo, factor: float) -> Photo:
    size = (round(photo.image.width * factor), round(photo.image.height * factor))
    return Photo(photo.image.resize(size, Image.Resampling.BICUBIC), photo.eyes * factor)


def crop_photo(photo: Photo, box: tuple[int, int, int, int]) -> Photo:
    return Photo(photo.image.crop(box), photo.eyes - box[:2])


RENDITIONS: dict[str, Callable[[], Photo]] = {
    "as it is": load_astronaut,
    **{
        f"turned {degrees}": partial(lambda by: rotate(load_astronaut(), by), degrees)
        for degrees in (-90, -30, 30, 90, 180)
    },
    "mirrored": lambda: mirror(load_astronaut()),
    "mirrored and turned": lambda: rotate(mirror(load_astronaut()), 30),
    "half": lambda: scale(load_astronaut(), 0.5),
    "odd": lambda: crop_photo(load_astronaut(), (3, 0, 484, 331)),
    "large": lambda: scale(load_astronaut(), 5),
}
TIGHT_RENDITIONS: dict[str, Callable[[], Photo]] = {
    "tight": lambda: crop_photo(load_astronaut(), TIGHT),
    "tight and large": lambda: scale(crop_photo(load_astronaut(), TIGHT), 12),
}


@pytest.fixture(scope="module", params=[pytest.param("yunet", marks=needs_yunet), "mtcnn"])
def components(request: pytest.FixtureRequest) -> Iterator[tuple[Components, asyncio.AbstractEventLoop]]:
    loop = asyncio.new_event_loop()
    opened = open_components(Settings(models=ModelSettings(faces=request.param)), Metrics(), only=("faces", "avatar"))
    yield loop.run_until_complete(opened.__aenter__()), loop
    loop.run_until_complete(opened.__aexit__(None, None, None))
    loop.close()


Opened = tuple[Components, asyncio.AbstractEventLoop]


def find_faces(components: Opened, photo: Photo, options: FacesOptions | None = None) -> Faces:
    run = components[0].engine.run(photo.file, {"faces": options or FacesOptions()})
    return components[1].run_until_complete(run).of(FACES)


def make_avatar(components: Opened, photo: Photo, options: AvatarOptions | None = None) -> Avatar:
    run = components[0].engine.run(photo.file, {"avatar": options or AvatarOptions()})
    return components[1].run_until_complete(run).of(AVATAR)


def locate_eyes(avatar: Avatar, photo: Photo) -> Points:
    """The true pupils in the avatar, in shares of its side."""
    frame = compute_frame(avatar.face, scale=1.0, longer_side=max(photo.image.size))
    to_picture = np.vstack([frame.affine_matrix(1), [0, 0, 1]])
    pixels: Points = (np.linalg.inv(to_picture) @ np.vstack([photo.eyes.T - 0.5, np.ones(2)]))[:2].T
    return pixels + 0.5


@pytest.mark.parametrize("rendition", RENDITIONS)
def test_eyes_lie_at_their_fixed_place_in_the_avatar(components: Opened, rendition: str) -> None:
    photo = RENDITIONS[rendition]()
    avatar = make_avatar(components, photo, AvatarOptions(min_suitability=0))

    assert np.abs(locate_eyes(avatar, photo) - EYE_PLACES).max() <= 0.03


@pytest.mark.parametrize("rendition", TIGHT_RENDITIONS)
def test_a_face_that_fills_the_picture_is_framed_larger(components: Opened, rendition: str) -> None:
    photo = TIGHT_RENDITIONS[rendition]()
    left, right = locate_eyes(make_avatar(components, photo, AvatarOptions(min_suitability=0)), photo)

    assert (left + right) / 2 == pytest.approx(EYE_PLACES.mean(axis=0), abs=0.04)
    assert left[1] == pytest.approx(right[1], abs=0.03)
    assert right[0] - left[0] > EYE_DISTANCE


@pytest.mark.parametrize("rendition", RENDITIONS | TIGHT_RENDITIONS)
def test_the_only_face_has_its_box_around_the_eyes(components: Opened, rendition: str) -> None:
    photo = (RENDITIONS | TIGHT_RENDITIONS)[rendition]()
    found = find_faces(components, photo)

    [face] = [one for one in found.faces if one.is_face]
    x0, y0, x1, y1 = face.box
    inside = (photo.eyes > (x0, y0)) & (photo.eyes < (x1, y1))
    assert inside.all()
    assert 0 <= x0 < x1 <= photo.image.width
    assert 0 <= y0 < y1 <= photo.image.height


def cut_face(side: str, share: float) -> Photo:
    """The photograph without the part beyond one side of it, which takes `share` of the face away."""
    left, top, right, bottom = WHOLE_FACE
    width, height = (right - left) * share, (bottom - top) * share
    photo = load_astronaut()
    borders = {
        "left": (round(left + width), 0, 512, 512),
        "top": (0, round(top + height), 512, 512),
        "right": (0, 0, round(right - width), 512),
        "bottom": (0, 0, 512, round(bottom - height)),
    }
    return crop_photo(photo, borders[side])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("components", [pytest.param("yunet", marks=needs_yunet)], indirect=True)
def test_a_face_is_cut_off_at_any_side(components: Opened, side: str) -> None:
    found = find_faces(components, cut_face(side, 0.3))

    [quality] = [one.quality for one in found.faces if one.quality is not None]
    assert "cut off" in quality.reasons


@pytest.mark.parametrize("side", ["left", "bottom"])
@pytest.mark.parametrize("components", ["mtcnn"], indirect=True)
def test_mtcnn_sees_that_a_face_is_cut_off(components: Opened, side: str) -> None:
    """At the other sides it finds no face."""
    [quality] = [one.quality for one in find_faces(components, cut_face(side, 0.3)).faces if one.quality is not None]

    assert "cut off" in quality.reasons


def test_a_whole_face_is_not_cut_off(components: Opened) -> None:
    [quality] = [one.quality for one in find_faces(components, load_astronaut()).faces if one.quality is not None]

    assert "cut off" not in quality.reasons


@pytest.mark.parametrize("side", SIDES)
def test_half_a_face_is_no_avatar(components: Opened, side: str) -> None:
    with pytest.raises(NoSuitableFace):
        make_avatar(components, cut_face(side, 0.5))


@pytest.mark.parametrize("factor", [2, 4, 6])
@pytest.mark.parametrize("components", [pytest.param("yunet", marks=needs_yunet)], indirect=True)
def test_yunet_finds_a_face_cut_to_its_inner_part(components: Opened, factor: int) -> None:
    photo = scale(crop_photo(load_astronaut(), TIGHTER), factor)

    found = find_faces(components, photo)

    assert found.count == 1
    assert found.primary == 0
    assert found.faces[0].box == pytest.approx((0, 0, *photo.image.size), abs=0.1 * photo.image.height)


def test_a_picture_without_faces_has_an_empty_result_and_no_avatar(components: Opened) -> None:
    photo = Photo(photograph("coffee"), EYES)

    assert find_faces(components, photo, FacesOptions(min_score=0.5)).faces == []
    assert find_faces(components, photo).primary is None
    with pytest.raises(NoSuitableFace, match="there is no face"):
        make_avatar(components, photo)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "CMYK"])
def test_pictures_of_any_mode_are_accepted(components: Opened, mode: str) -> None:
    image = load_astronaut().image.convert(mode)
    file = io.BytesIO()
    image.save(file, "TIFF")
    findings = components[1].run_until_complete(components[0].engine.run(file.getvalue(), {"faces": FacesOptions()}))

    expected = (0, 1) if mode == "1" else (1,)  # in black and white it may be missed
    assert findings.of(FACES).count in expected


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (1, 3000), (5000, 7), (641, 479), (33, 31)])
def test_pictures_of_any_size_are_accepted(components: Opened, size: tuple[int, int]) -> None:
    photo = Photo(photograph("astronaut").resize(size), EYES)

    assert find_faces(components, photo).count <= 1


def make_crowd() -> Photo:
    """120 faces of about 50 pixels on 12 megapixels: a coarse search sees none of them."""
    face = load_astronaut().image.crop((150, 20, 300, 200)).resize((75, 90), Image.Resampling.BICUBIC)
    image = Image.new("RGB", (4000, 3000), (90, 110, 90))
    for row in range(10):
        for column in range(12):
            image.paste(face, (100 + column * 320, 60 + row * 290))
    return Photo(image, EYES)


@pytest.mark.parametrize("options", [FacesOptions(), FacesOptions(min_face_size=30)], ids=["by default", "when asked"])
def test_a_crowd_of_small_faces_in_a_large_picture_is_found(components: Opened, options: FacesOptions) -> None:
    assert find_faces(components, make_crowd(), options).count >= 110


def test_asking_for_small_faces_makes_the_search_finer(components: Opened) -> None:
    photo = scale(load_astronaut(), 1.5)

    asked, default = (find_faces(components, photo, FacesOptions(min_face_size=size)) for size in (12, None))
    assert asked.smallest_face < default.smallest_face


def test_a_fast_search_finds_the_same_upright_face(components: Opened) -> None:
    quick, thorough = (
        find_faces(components, load_astronaut(), FacesOptions(effort=effort)) for effort in ("fast", "thorough")
    )

    assert quick.faces[0].box == pytest.approx(thorough.faces[0].box, abs=8)


def test_a_fast_search_does_not_try_again_where_it_finds_nothing(components: Opened) -> None:
    coffee = Photo(photograph("coffee"), EYES)
    runs = [
        components[0].engine.run(coffee.file, {"faces": FacesOptions(effort=effort)}) for effort in ("fast", "thorough")
    ]
    timings = [components[1].run_until_complete(run).timings for run in runs]

    assert "faces.turned" not in timings[0]
    assert "faces.turned" in timings[1]


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270])
def test_turned_faces_are_found_beside_upright_ones(components: Opened, turn: Image.Transpose) -> None:
    upright = photograph("astronaut").crop((100, 0, 350, 250))
    both = Image.new("RGB", (500, 250))
    both.paste(upright, (0, 0))
    both.paste(upright.transpose(turn), (250, 0))

    assert find_faces(components, Photo(both, EYES)).count == 2
