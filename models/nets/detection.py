"""Decodes object detectors inside their graphs, so that all have the same two outputs: boxes and scores."""

import torch
from torch import Tensor


def cell_corners(grid: Tensor, stride: int) -> Tensor:
    """(2, H * W): x and y of each cell's top left corner in pixels, row by row, for a `grid` of (..., H, W)."""
    height, width = grid.shape[-2:]
    y = torch.arange(height, dtype=torch.float32, device=grid.device)[:, None].expand(height, width)
    x = torch.arange(width, dtype=torch.float32, device=grid.device).expand(height, width)
    return torch.stack([x.flatten(), y.flatten()]) * stride


def join_grids(grids: list[tuple[Tensor, Tensor]], images: Tensor) -> tuple[Tensor, Tensor]:
    """Boxes (N, 4, cells) and scores (N, classes, cells) of each grid to (N, all cells, 4) and (N, all cells, classes).

    A box is x0, y0, x1, y1: in pixels on the grids, in shares of the width and height of `images` in the result.
    """
    boxes, scores = (torch.cat(parts, dim=2) for parts in zip(*grids, strict=True))
    height, width = images.shape[-2:]
    corners = boxes.unflatten(1, (2, 2))
    shares = torch.stack([corners[:, :, 0] / width, corners[:, :, 1] / height], dim=2).flatten(1, 2)
    return shares.transpose(1, 2), scores.transpose(1, 2)
