"""The architectures: padding, shapes, and the figures of their publishers."""

import numpy as np
import pytest
import torch
import torchvision.models as zoo
from torch import Tensor

from models.manifest import Manifest, TorchvisionSource
from models.nets import BUILDERS
from models.nets.efficientnet_lite import EfficientNetLite0, EfficientNetLite2, SameConv2d
from models.nets.encoder import EncoderNet
from models.registry import Catalog

TORCHVISION = [one for one in Catalog.load() if one.file.sources[0].kind == "torchvision"]
ENCODERS = [one for one in Catalog.load() if one.net and one.task == "encoder"]


def sum_with_same_padding(image: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's SAME: output cell o sums the window from o * stride - floor(total / 2), zeros outside."""
    size = image.shape[-1]
    cells = -(-size // stride)
    before = max((cells - 1) * stride + kernel - size, 0) // 2
    out = torch.zeros(cells, cells)
    for row in range(cells):
        for column in range(cells):
            rows = slice(max(row * stride - before, 0), min(row * stride - before + kernel, size))
            columns = slice(max(column * stride - before, 0), min(column * stride - before + kernel, size))
            out[row, column] = image[0, 0, rows, columns].sum()
    return out


@pytest.mark.parametrize("size", [7, 8, 224])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int) -> None:
    convolution = SameConv2d(1, 1, kernel, stride)
    torch.nn.init.ones_(convolution.weight)
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 9, (1, 1, size, size)).astype(np.float32))

    found = convolution(image)[0, 0]

    assert torch.equal(found, sum_with_same_padding(image, kernel, stride))


def test_lite0_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in EfficientNetLite0().parameters()) == 4_652_008


def test_lite2_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in EfficientNetLite2().parameters()) == 6_092_072


@pytest.mark.parametrize("manifest", ENCODERS, ids=lambda one: one.id)
def test_encoder_outputs_have_the_shapes_of_the_manifest(manifest: Manifest) -> None:
    net = BUILDERS[manifest.net or ""]().eval()
    assert isinstance(net, EncoderNet)
    with torch.inference_mode():
        answers = net(torch.zeros(2, 3, *manifest.input.sizes[0]))

    shapes = dict(zip(net.output_names, (tuple(answer.shape) for answer in answers), strict=True))
    assert shapes == {output.name: (2, *output.shape) for output in manifest.outputs}


@pytest.mark.parametrize("manifest", TORCHVISION, ids=lambda one: one.id)
def test_manifests_agree_with_torchvisions_weights_api(manifest: Manifest) -> None:
    source = manifest.file.sources[0]
    assert isinstance(source, TorchvisionSource)
    weights = zoo.get_weight(source.weights)
    transform = weights.transforms()

    ours = manifest.input
    assert source.url == weights.url
    assert manifest.file.sha256 == weights.url.rpartition("-")[2].removesuffix(".pth")
    assert ours.interpolation == transform.interpolation.value
    assert ours.sizes[0][0] == transform.crop_size[0]
    assert [ours.crop, *ours.mean, *ours.std] == pytest.approx(
        [transform.crop_size[0] / transform.resize_size[0], *(255 * value for value in transform.mean + transform.std)],
        abs=1e-5,
    )


@pytest.mark.parametrize("manifest", TORCHVISION, ids=lambda one: one.id)
def test_torchvision_encoders_have_the_logits_of_torchvision(manifest: Manifest) -> None:
    net = BUILDERS[manifest.net or ""]().eval()
    images = torch.rand(1, 3, *manifest.input.sizes[0])
    with torch.inference_mode():
        logits, wanted = net(images)[2], net.net(images)

    assert torch.allclose(logits, wanted, atol=1e-5)
