"""The base class of image encoders: one forward pass with three outputs."""

from abc import abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class EncoderNet(nn.Module):
    """A convolutional classifier that also returns its last feature grid.

    `forward` takes normalised float NCHW images and returns
    `embedding` (N, C), `grid` (N, H, W, C) and `logits` (N, K).
    """

    output_names = ("embedding", "grid", "logits")

    def load_published(self, weights: Mapping[str, Tensor]) -> None:
        """Load the state dict as published; raises RuntimeError when a key or shape differs."""
        self.load_state_dict(weights)

    @abstractmethod
    def features(self, images: Tensor) -> Tensor:
        """(N, 3, h, w) -> (N, C, H, W), the input of the global pooling."""

    @abstractmethod
    def pool(self, grid: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C)."""

    @abstractmethod
    def classify(self, embedding: Tensor) -> Tensor:
        """(N, C) -> (N, K) logits."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        grid = self.features(images)
        embedding = self.pool(grid)
        return embedding, grid.permute(0, 2, 3, 1), self.classify(embedding)
