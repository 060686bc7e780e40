"""CLIP's towers: a residual net with attention pooling or a vision transformer for images, a transformer for texts.

Source: A. Radford and others, "Learning Transferable Visual Models From Natural Language Supervision" (ICML 2021), and
openai/CLIP (MIT). Attribute names are those of the published tensors; the image tower's begin with `visual.`.
"""

from collections.abc import Mapping
from itertools import chain, repeat

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

CONTEXT_LENGTH = 77
VOCABULARY = 49_408
HEAD_WIDTH = 64
# Published beside the weights, and no part of either tower.
_FACTS = frozenset({"input_resolution", "context_length", "vocab_size"})

Weights = Mapping[str, NDArray[np.float32]]


class PooledBottleneck(nn.Module):
    """Strides by average pooling, before the convolutions that follow it."""

    def __init__(self, channels_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.stride, self.downsample = stride, None
        if stride > 1 or channels_in != 4 * width:
            projection = nn.Conv2d(channels_in, 4 * width, 1, bias=False)
            self.downsample = nn.ModuleDict({"0": projection, "1": nn.BatchNorm2d(4 * width)})

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(images)))
        x = self._pool(F.relu(self.bn2(self.conv2(x))))
        shortcut = images
        if self.downsample is not None:
            shortcut = self.downsample["1"](self.downsample["0"](self._pool(images)))
        return F.relu(self.bn3(self.conv3(x)) + shortcut)

    def _pool(self, images: Tensor) -> Tensor:
        return F.avg_pool2d(images, self.stride) if self.stride > 1 else images


class AttentionPool(nn.Module):
    """The mean of a grid's cells attends to the cells and itself: (N, C, H, W) to (N, `outputs`)."""

    def __init__(self, cells: int, channels: int, outputs: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.randn(cells + 1, channels) / channels**0.5)
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(channels, channels) for _ in range(3))
        self.c_proj = nn.Linear(channels, outputs)

    def forward(self, grid: Tensor) -> Tensor:
        cells = grid.flatten(2).transpose(1, 2)
        x = torch.cat([cells.mean(1, keepdim=True), cells], 1) + self.positional_embedding
        return self.c_proj(attend(self.q_proj(x[:, :1]), self.k_proj(x), self.v_proj(x)))[:, 0]


class ResidualTower(nn.Module):
    """Normalised (N, 3, `size`, `size`) to (N, `outputs`), not L2-normalised."""

    def __init__(self, size: int, width: int, blocks: tuple[int, int, int, int], outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        channels = width
        for number, count in enumerate(blocks):
            stage = []
            for stride in chain([1 if number == 0 else 2], repeat(1, count - 1)):
                stage.append(PooledBottleneck(channels, width << number, stride))
                channels = 4 * (width << number)
            self.add_module(f"layer{number + 1}", nn.Sequential(*stage))
        self.attnpool = AttentionPool((size // 32) ** 2, channels, outputs)

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(images)))
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.avg_pool2d(F.relu(self.bn3(self.conv3(x))), 2)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.attnpool(x)


class Attention(nn.Module):
    """Self-attention, named as in `nn.MultiheadAttention`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.randn(3 * width, width) / width**0.5)
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        queries, keys, values = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, -1)
        return self.out_proj(attend(queries, keys, values, mask))


class TransformerBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(width), Attention(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = x + self.attn(self.ln_1(x), mask)
        inner = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](inner * torch.sigmoid(1.702 * inner))  # GELU, approximated as in training


class Transformer(nn.Module):
    """(N, L, `width`) to the same; `mask` (L, L) is added to the attention's logits."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList([TransformerBlock(width) for _ in range(layers)])

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for block in self.resblocks:
            x = block(x, mask)
        return x


class PatchTower(nn.Module):
    """A vision transformer: normalised (N, 3, `size`, `size`) to (N, `outputs`), not L2-normalised."""

    def __init__(self, size: int, patch: int, width: int, layers: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) / width**0.5)
        self.positional_embedding = nn.Parameter(torch.randn((size // patch) ** 2 + 1, width) / width**0.5)
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, layers)
        self.proj = nn.Parameter(torch.randn(width, outputs) / width**0.5)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(images.shape[0], 1, -1)
        x = self.ln_pre(torch.cat([first, patches], 1) + self.positional_embedding)
        return self.ln_post(self.transformer(x)[:, 0]) @ self.proj


class ClipImageNet(nn.Module):
    """An image tower by itself; the output is `embedding`."""

    def __init__(self, tower: ResidualTower | PatchTower) -> None:
        super().__init__()
        self.visual = tower

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (self.visual(images),)

    def load_published(self, weights: Weights) -> None:
        """Load both towers' tensors as published; raises RuntimeError when one of this tower is missing or differs."""
        load_tensors(self, {name: values for name, values in weights.items() if name.startswith("visual.")})


class ClipTextNet(nn.Module):
    """(N, 77) int64 token ids, padded with 0, to `embedding` (N, `outputs`), not L2-normalised, and `scale` (N,).

    The embedding is read at the token with the highest id, which is the one that ends the text. `scale` is what a
    cosine between text and image is multiplied with to become a logit; it was learnt, and is the same for every text.
    """

    def __init__(self, width: int, layers: int, outputs: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        self.positional_embedding = nn.Parameter(torch.randn(CONTEXT_LENGTH, width) / 100)
        self.transformer = Transformer(width, layers)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, outputs) / width**0.5)
        self.logit_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        mask = torch.full((CONTEXT_LENGTH, CONTEXT_LENGTH), -torch.inf).triu(1)  # no token sees a later one
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        # Indexed, because the exporter would call the result of a lookup "embedding", which an output is called, too.
        x = self.transformer(self.token_embedding.weight[tokens] + self.positional_embedding, self.mask)
        is_last = F.one_hot(tokens.argmax(1), CONTEXT_LENGTH).to(x.dtype)
        last = (self.ln_final(x) * is_last[..., None]).sum(1)
        return last @ self.text_projection, self.logit_scale.exp().expand(tokens.shape[0])

    def load_published(self, weights: Weights) -> None:
        """Load both towers' tensors as published; raises RuntimeError when one of this tower is missing or differs."""
        others = {name for name in weights if name.startswith("visual.")} | _FACTS
        load_tensors(self, {name: values for name, values in weights.items() if name not in others})


def attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention over heads of 64 channels, side by side in the last axis of (N, L, C)."""
    heads = (one.unflatten(2, (-1, HEAD_WIDTH)).transpose(1, 2) for one in (queries, keys, values))
    return F.scaled_dot_product_attention(*heads, attn_mask=mask).transpose(1, 2).flatten(2)


def load_tensors(net: nn.Module, weights: Weights) -> None:
    net.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})


def clip_rn50_image() -> ClipImageNet:
    return ClipImageNet(ResidualTower(224, 64, (3, 4, 6, 3), 1024))


def clip_rn50_text() -> ClipTextNet:
    return ClipTextNet(512, 12, 1024)


def clip_rn50x4_image() -> ClipImageNet:
    return ClipImageNet(ResidualTower(288, 80, (4, 6, 10, 6), 640))


def clip_rn50x4_text() -> ClipTextNet:
    return ClipTextNet(640, 12, 640)


def clip_vit_b_32_image() -> ClipImageNet:
    return ClipImageNet(PatchTower(224, 32, 768, 12, 512))


def clip_vit_b_32_text() -> ClipTextNet:
    return ClipTextNet(512, 12, 512)
