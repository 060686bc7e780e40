"""What every image encoder answers: one pass, three views of it."""

from abc import abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class Encoder(nn.Module):
    """A convolutional classifier, opened up at its last feature grid.

    `forward` takes normalised float NCHW images and answers
    `embedding` (N, C), `grid` (N, H, W, C) and `logits` (N, K).
    """

    output_names = ("embedding", "grid", "logits")

    def load_published(self, weights: Mapping[str, Tensor]) -> None:
        """Take the state dict as its publisher ships it; raises RuntimeError when a key or shape differs."""
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
