"""The results that every client sees, as pydantic models: REST, CLI, workers and batch jobs share them.

Boxes are pixels of the upright original, scores are 0-1, times are seconds.
"""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from models.runtime.model_info import ModelInfo
from pipelines.image.picture_facts import ProfileUse


class WireModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageInfo(WireModel):
    """The image as its pixels are meant to be seen: width and height after the Exif orientation."""

    width: int
    height: int
    format: str
    mode: str = Field(description="Pillow's name for the file's own pixel mode: RGB, L, P, CMYK, I;16 and so on")
    orientation: Literal["landscape", "portrait", "square"]
    exif_orientation: int = Field(ge=1, le=8, description="as found in the file; the picture is upright")
    frames: int = Field(description="frames or pages in the file")
    frame: int = Field(default=1, ge=1, description="the one that pipelines saw: the first, unless that is plain")
    has_alpha: bool
    profile: ProfileUse = Field(
        default="none",
        description="what became of the file's colour profile, gamma or colour codes: there are none, they are sRGB's "
        "own, the colours were converted to sRGB, or a profile is ignored as damaged or for another kind of pixels",
    )
    bytes: int
    sha256: str

    @property
    def has_pages(self) -> bool:
        """Whether it is a document, which pipelines that look at a picture see the first page of."""
        return self.format == "PDF" or (self.format == "TIFF" and self.frames > 1)


class ModelUsed(WireModel):
    """Which model answered: `sha256` is that of the graph file that ran."""

    id: str
    version: int
    sha256: str
    backend: str | None = Field(default=None, description="the library that ran it; null if it did not run")
    precision: str | None = Field(default=None, description="that it computed in; null if it did not run")

    @classmethod
    def of(cls, model_info: ModelInfo) -> "ModelUsed":
        return cls(
            id=model_info.id,
            version=model_info.version,
            sha256=model_info.sha256,
            backend=model_info.backend,
            precision=model_info.precision,
        )


def keep_declared(used: ModelUsed) -> ModelUsed:
    """The version that answers now, where versions do not change."""
    return used


class Tag(WireModel):
    index: int
    wnid: str
    label: str
    score: float
    group: str


class GroupScore(WireModel):
    """Summed probability of all classes of a group: often surer than any single class."""

    group: str
    score: float


class Colour(WireModel):
    """A dominant colour; `share` of the image's pixels, `hex` the mean of those pixels."""

    name: str
    hex: str
    share: float


class Appearance(WireModel):
    """Measures of the pixels, without any model.

    `sharpness` is the variance of the Laplacian of 0-1 luma at a longer side of at most 384 pixels;
    `brightness` and `contrast` are its mean and standard deviation; `clipped_dark` and
    `clipped_bright` the shares of pixels at the ends of the range.
    """

    colours: list[Colour]
    sharpness: float
    is_blurred: bool
    brightness: float
    contrast: float
    clipped_dark: float
    clipped_bright: float
    exposure: Literal["normal", "dark", "bright", "flat"]
    perceptual_hash: str = Field(description="pHash, 64 bits as hex: near-duplicates differ in at most about 10 bits")


class EncodedArray(WireModel):
    """A little-endian array as base64."""

    data: str
    shape: list[int]
    dtype: Literal["float16", "float32"]


KindName = Literal["photo", "screenshot", "document", "chart", "drawing", "meme", "map", "blank"]
PICTURE_KINDS: tuple[KindName, ...] = get_args(KindName)


class PictureKind(WireModel):
    """The kind of a picture. `name` is none where no kind is likely enough to be stated."""

    name: KindName | None
    score: float = Field(description="calibrated probability of the most probable kind, stated or not")
    scores: dict[KindName, float] = Field(description="of all kinds; they sum to 1")


class Features(WireModel):
    embedding: list[float] | EncodedArray | None = Field(description="L2-normalised")
    grid: EncodedArray | None = Field(description="rows x columns x channels, from top left: visual tokens")
    tags: list[Tag]
    groups: list[GroupScore]
    calibration: str = Field(description="what a tag's score is worth")
    appearance: Appearance
    kind: PictureKind | None = Field(
        default=None, description="photo, screenshot, document …; none with an encoder that its head does not know"
    )


class ReplyHeader(WireModel):
    """The fields that every reply has. `timings` are seconds by stage; a pipeline's stages follow its name."""

    result_id: str
    image: ImageInfo
    prompt: str = Field(description="what was found, in a few lines for a language model")
    models: list[ModelUsed]
    timings: dict[str, float]
