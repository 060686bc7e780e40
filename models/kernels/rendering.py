"""Renders kernels and activations as pictures for people."""

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from models.errors import KernelsUnavailable
from models.kernels.activation_probe import ActivationProbe
from models.kernels.layers import ConvLayer
from models.kernels.probe_images import fit_to_input, to_items
from models.manifest import Manifest

TILES = 24  # of strongest activations
_KERNEL_SIDE, _TILE_WIDTH, _GAP, _CAPTION = 44, 180, 6, 15
_BACKGROUND, _INK, _DEAD = (24, 26, 30), (225, 228, 232), (235, 60, 50)

Floats = NDArray[np.float32]


def kernels_png(manifest: Manifest, layer: ConvLayer, dead: Collection[int] = ()) -> bytes:
    """All kernels of a layer, each on its own scale: grey is zero; those that are `dead` have a red frame.

    Kernels over the three colours are drawn in colour. Of others the plane with the largest weights is shown, red for
    positive, blue for negative. Raises KernelsUnavailable for kernels of one pixel over many planes.
    """
    kernels = _read_kernels(manifest, layer)
    if kernels.shape[1] != 3 and layer.size == (1, 1):
        raise KernelsUnavailable(manifest.id, f"those of layer {layer.name!r} are of one pixel")
    tiles = [_kernel_tile(kernel, has_frame=index in dead) for index, kernel in enumerate(kernels)]
    across = max(8, round(len(tiles) ** 0.5 * 1.4))
    return _encode_png(_arrange_tiles(tiles, min(across, len(tiles))))


@dataclass(frozen=True, slots=True, eq=False)
class _Strongest:
    """A kernel, and the picture that activates it most."""

    kernel: int
    picture: int
    map: Floats  # (height, width)


def activations_png(probe: ActivationProbe, layer: ConvLayer, pictures: Sequence[Image.Image]) -> bytes:
    """The most active kernels of a layer, each over the picture that activates it most; raises InferenceFailed."""
    maps = [probe.activation_maps(one, layer) for one in to_items(pictures, probe.manifest.input)]
    # The mean decides between kernels that are all at the ceiling of a ReLU6.
    strengths = np.stack([one.max((1, 2)) + 1e-3 * one.mean((1, 2)) for one in maps])  # (pictures, kernels)
    order = np.argsort(-strengths.max(0))[:TILES].tolist()
    where = strengths.argmax(0).tolist()
    best = [_Strongest(kernel, where[kernel], maps[where[kernel]][kernel]) for kernel in order]
    shown = [fit_to_input(one, probe.manifest.input) for one in pictures]
    tiles = [_activation_tile(shown[one.picture], one) for one in best]
    return _encode_png(_arrange_tiles(tiles, 6 if tiles[0].width < 2 * tiles[0].height else 3))


def _read_kernels(manifest: Manifest, layer: ConvLayer) -> Floats:
    try:
        kernels = layer.kernel.values()
    except ValueError as cause:
        raise KernelsUnavailable(manifest.id, f"those of layer {layer.name!r} are {cause}") from cause
    if layer.transposed:
        kernels = kernels.swapaxes(0, 1)
    reversed_colours = manifest.input.colour == "BGR" and kernels.shape[1] == 3
    return kernels[:, ::-1] if reversed_colours else kernels


def _kernel_tile(kernel: Floats, *, has_frame: bool) -> Image.Image:
    """(planes, height, width)"""
    if len(kernel) == 3:
        shades = kernel.transpose(1, 2, 0)
    else:
        plane = kernel[np.square(kernel).sum((1, 2)).argmax()][..., None]
        shades = plane * np.array([1.0, -0.25, -1.0], np.float32)  # red for positive, blue for negative
    shades = 127.5 + 127.5 * shades / max(float(np.abs(shades).max()), 1e-12)
    tile = Image.fromarray(shades.round().clip(0, 255).astype(np.uint8))
    zoom = max(1, _KERNEL_SIDE // max(tile.size))
    tile = tile.resize((tile.width * zoom, tile.height * zoom), Image.Resampling.NEAREST)
    if has_frame:
        ImageDraw.Draw(tile).rectangle((0, 0, tile.width - 1, tile.height - 1), outline=_DEAD, width=2)
    return tile


def _activation_tile(picture: Image.Image, strongest: _Strongest) -> Image.Image:
    """The picture in dark grey, and over it in colour where the kernel is active."""
    size = _TILE_WIDTH, max(1, round(picture.height * _TILE_WIDTH / picture.width))
    grey = np.asarray(picture.resize(size, Image.Resampling.BILINEAR).convert("L"), np.float32)[..., None] * 0.55
    positive = strongest.map.clip(0, None).astype(np.float32)
    positive /= max(float(positive.max()), 1e-12)
    heat = np.asarray(Image.fromarray(positive).resize(size, Image.Resampling.BILINEAR))[..., None]
    colour = np.concatenate([np.full_like(heat, 255), 40 + 200 * heat, 20 + 60 * heat], -1)  # red to yellow
    shaded = Image.fromarray((grey + (colour - grey) * 0.9 * heat).clip(0, 255).astype(np.uint8))
    tile = Image.new("RGB", (shaded.width, shaded.height + _CAPTION), _BACKGROUND)
    tile.paste(shaded, (0, _CAPTION))
    words = f"kernel {strongest.kernel}   {strongest.map.max():.3g}"
    ImageDraw.Draw(tile).text((2, 1), words, fill=_INK, font=ImageFont.load_default(11))
    return tile


def _arrange_tiles(tiles: Sequence[Image.Image], across: int) -> Image.Image:
    wide, tall = tiles[0].width + _GAP, tiles[0].height + _GAP
    down = -(-len(tiles) // across)
    sheet = Image.new("RGB", (across * wide + _GAP, down * tall + _GAP), _BACKGROUND)
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (_GAP + index % across * wide, _GAP + index // across * tall))
    return sheet


def _encode_png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=3)
    return file.getvalue()
