"""torchvision's classifiers as encoders that also return their last feature grid.

Source: torchvision (BSD-3-Clause) and the papers that it cites per architecture.
"""

from collections.abc import Mapping

import torchvision.models as zoo
from torch import Tensor, nn

from models.nets.encoder import EncoderNet


class TorchvisionEncoderNet(EncoderNet):
    """For nets built as `features`, `avgpool`, `classifier`."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def load_published(self, weights: Mapping[str, Tensor]) -> None:
        self.net.load_state_dict(weights)

    def features(self, images: Tensor) -> Tensor:
        return self.net.features(images)

    def pool(self, grid: Tensor) -> Tensor:
        return self.net.avgpool(grid).flatten(1)

    def classify(self, embedding: Tensor) -> Tensor:
        return self.net.classifier(embedding)


class ResNetEncoder(TorchvisionEncoderNet):
    def features(self, images: Tensor) -> Tensor:
        x = self.net.maxpool(self.net.relu(self.net.bn1(self.net.conv1(images))))
        for stage in (self.net.layer1, self.net.layer2, self.net.layer3, self.net.layer4):
            x = stage(x)
        return x

    def classify(self, embedding: Tensor) -> Tensor:
        return self.net.fc(embedding)


class ConvNeXtEncoder(TorchvisionEncoderNet):
    """Its classifier is norm, flatten, linear; the norm belongs to the embedding."""

    def pool(self, grid: Tensor) -> Tensor:
        return self.net.classifier[0](self.net.avgpool(grid)).flatten(1)

    def classify(self, embedding: Tensor) -> Tensor:
        return self.net.classifier[2](embedding)


def resnet50() -> EncoderNet:
    return ResNetEncoder(zoo.resnet50())


def convnext_tiny() -> EncoderNet:
    return ConvNeXtEncoder(zoo.convnext_tiny())


def efficientnet_v2_s() -> EncoderNet:
    return TorchvisionEncoderNet(zoo.efficientnet_v2_s())


def mobilenet_v3_large() -> EncoderNet:
    return TorchvisionEncoderNet(zoo.mobilenet_v3_large())
