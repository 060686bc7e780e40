"""The tensors that variants are compared on: pictures that are there wherever the service runs.

Drawn: the probe images of kernels, a face in several sizes, and pages and lines of text. Photographs: the two that
scikit-learn brings, whole, in parts, mirrored and darker. Nothing of them is in the repository.
"""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from models.arrays import Array
from models.kernels.probe_images import draw_probe_images, to_item
from models.manifest import InputContract, Manifest, TextManifest
from models.portrait import draw_portrait

LINES = (
    "Twelve boxes of paper were delivered", "to the harbour office on Monday.", "Please pay within thirty days.",
    "INVOICE No. 2024-0817", "Total: 1,284.50 EUR", "Qty  Description  Price", "www.example.org/orders?id=99",
    "The quick brown fox jumps over the lazy dog", "Tel. +44 20 7946 0958", "Chapter 3: Results & Discussion",
    "f(x) = 3x + 7, where x > 0", "Zürich, São Paulo, Kraków, Århus", "SALE 50% OFF TODAY ONLY!", "Signature: ________",
    "\"Never,\" she said; 'not once.'", "A4 210 x 297 mm [ISO 216]",
)  # fmt: skip
_SHADES = (
    ("black", "white"),
    ((40, 40, 90), (235, 232, 220)),
    ("white", (30, 70, 60)),
    ((150, 30, 30), (250, 240, 200)),
)
_FONT_SIZES = (13, 17, 22, 30)


def make_items(manifest: Manifest) -> list[Array]:
    """Tensors without batch axis, of shapes that the manifest lists; none where there are no pictures for its task."""
    if isinstance(manifest, TextManifest):
        return []
    contract = manifest.input
    if manifest.task == "text-recognition":
        return list(_make_line_items(contract))
    if manifest.task == "text-orientation":
        lines = list(_make_line_items(contract))
        return [*lines, *(_turn(one, contract) for one in lines)]
    if manifest.task in ("text-detection", "layout"):
        return [to_item(page, contract) for page in draw_pages()]
    if manifest.task == "faces":
        return [to_item(picture, contract) for picture in (*draw_faces(), *take_photographs())]
    return [to_item(picture, contract) for picture in (*take_photographs(), *draw_probe_images(), *draw_faces())]


def make_timing_items(contract: InputContract) -> list[Array]:
    """One of each of up to five sizes, from the smallest to the largest."""
    by_area = sorted(contract.item_shapes, key=lambda shape: shape[0] * shape[1] * shape[2])
    chosen = sorted({round(at * (len(by_area) - 1) / 4) for at in range(5)})
    noise = np.random.default_rng(0)
    return [noise.integers(0, 255, by_area[at]).astype(contract.dtype) for at in chosen]


@cache
def take_photographs() -> tuple[Image.Image, ...]:
    """Views of scikit-learn's photographs; none where they are not installed."""
    found = find_spec("sklearn")
    folders = (
        [] if found is None else [Path(one, "datasets", "images") for one in found.submodule_search_locations or ()]
    )
    paths = [path for folder in folders for name in ("china.jpg", "flower.jpg") if (path := folder / name).is_file()]
    return tuple(view for path in paths for view in _take_views(Image.open(path).convert("RGB")))


@cache
def draw_pages() -> tuple[Image.Image, ...]:
    """Pages of 800 x 1000 pixels: a title, one to three columns of lines, rules, and a photograph or leaves."""
    return tuple(_draw_page(number) for number in range(12))


@cache
def draw_faces() -> tuple[Image.Image, ...]:
    """One to four drawn faces before leaves, and alone."""
    portrait, leaves = draw_portrait(), draw_probe_images()
    pictures = [portrait, ImageOps.mirror(portrait), ImageEnhance.Brightness(portrait).enhance(0.6)]
    for number in range(9):
        picture = leaves[number % 5].resize((480, 480))
        count = 1 + number % 4
        side = 440 // (1 if count == 1 else 2) - 30 * (number // 4)
        for face in range(count):
            picture.paste(portrait.resize((side, side)), (face % 2 * 240 + 5, face // 2 * 240 + 5))
        pictures.append(picture)
    return tuple(pictures)


def _take_views(photograph: Image.Image) -> Iterator[Image.Image]:
    width, height = photograph.size
    side = min(width, height)
    yield photograph
    for share in (1.0, 0.6, 0.4):
        part = round(side * share)
        for x, y in ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (1.0, 1.0)):
            left, top = round((width - part) * x), round((height - part) * y)
            yield photograph.crop((left, top, left + part, top + part))
    yield ImageOps.mirror(photograph)
    yield ImageEnhance.Brightness(photograph).enhance(0.5)
    yield ImageOps.grayscale(photograph).convert("RGB")


def _draw_page(number: int) -> Image.Image:
    ink, paper = _SHADES[number % len(_SHADES)]
    page = Image.new("RGB", (800, 1000), paper)
    draw, columns = ImageDraw.Draw(page), 1 + number % 3
    draw.text((60, 40), LINES[number % len(LINES)], ink, ImageFont.load_default(40))
    draw.line((60, 100, 740, 100), ink, 2)
    font, pitch = ImageFont.load_default(_FONT_SIZES[number // 3 % 4]), 2 * _FONT_SIZES[number // 3 % 4]
    for column in range(columns):
        left = 60 + column * 700 // columns
        for row in range(520 // pitch):
            text = LINES[(number + 5 * column + row) % len(LINES)]
            draw.text((left, 130 + row * pitch), text[: 60 // columns], ink, font)
    page.paste((take_photographs() or draw_probe_images())[number % 8].resize((300, 220)), (60, 700))
    draw.text((60, 930), LINES[(number + 3) % len(LINES)], ink, ImageFont.load_default(16))
    return page


def _make_line_items(contract: InputContract) -> Iterator[Array]:
    """Each line in the narrowest size that holds it, or shrunk into the widest."""
    for number, text in enumerate(LINES * 2):
        ink, paper = _SHADES[number % len(_SHADES)]
        font = ImageFont.load_default(30 + number % 3 * 3)
        width = round(font.getlength(text)) + 12
        height = contract.sizes[0][0]
        line = Image.new("RGB", (width, height), paper)
        ImageDraw.Draw(line).text((6, height // 2), text, ink, font, "lm")
        size = next((one for one in sorted(contract.sizes) if one[1] >= width), max(contract.sizes))
        padded = ImageOps.pad(line, (size[1], size[0]), color=paper, centering=(0, 0.5))
        one_size = contract.model_copy(update={"sizes": (size,)})
        yield to_item(padded, one_size)


def _turn(item: Array, contract: InputContract) -> Array:
    """By 180 degrees."""
    axes = (0, 1) if contract.layout == "NHWC" else (1, 2)
    return np.ascontiguousarray(np.flip(item, axes))
