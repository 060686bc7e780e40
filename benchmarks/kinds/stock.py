"""What training pictures are drawn with: photographs, clip art, fonts, coastlines, words, and a seeded dice."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont

from benchmarks.kinds.dice import Dice
from benchmarks.kinds.sources import SourcePackage, read_packages


@dataclass
class Stock:
    """All packages' content, in the order of sources.toml and of names."""

    folder: Path
    photographs: list[Image.Image] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)  # of each photograph
    screenshots: list[Image.Image] = field(default_factory=list)
    clipart: dict[str, list[bytes]] = field(default_factory=dict)  # SVG, by package
    fonts: dict[str, bytes] = field(default_factory=dict)
    shapes: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)  # rings of (longitude, latitude)

    @classmethod
    def load(cls, folder: Path) -> "Stock":
        stock = cls(folder)
        for package in read_packages():
            stock._add(package)
        return stock

    def _add(self, package: SourcePackage) -> None:
        for name, content in package.read_members(self.folder):
            match package.use:
                case "photographs":
                    self.photographs.append(_open(content, 1600))
                    self.packages.append(package.requirement)
                case "screenshots":
                    self.screenshots.append(_open(content, 2000))
                case "clipart":
                    drawings = read_icons(content) if name.endswith(".json") else [content]
                    self.clipart.setdefault(package.requirement, []).extend(drawings)
                case "fonts":
                    self.fonts[Path(name).stem] = content
                case "geometry":
                    self.shapes[Path(name).stem] = read_arcs(json.loads(content))

    def font(self, dice: Dice, size: float, style: str = "") -> ImageFont.FreeTypeFont:
        """A font whose name has one of the words in `style`; any one where there are none."""
        names = [name for name in sorted(self.fonts) if not style or any(word in name for word in style.split("|"))]
        return ImageFont.truetype(io.BytesIO(self.fonts[dice.pick(names)]), max(5, round(size)))

    def photograph(
        self, dice: Dice, size: tuple[int, int] | None = None, photographs: Sequence[Image.Image] = ()
    ) -> Image.Image:
        """A part of one of `photographs`, by default of all, perhaps mirrored; at `size` where that is given."""
        photo = dice.pick(photographs or self.photographs)
        share = dice.between(0.35, 1.0)
        width, height = photo.size
        if size is not None:
            fit = min(width / size[0], height / size[1])
            part = size[0] * fit * share, size[1] * fit * share
        else:
            part = width * share, height * min(1.0, share * dice.between(0.8, 1.25))
        left, top = dice.between(0, width - part[0]), dice.between(0, height - part[1])
        box = left, top, left + part[0], top + part[1]
        longer = dice.whole(240, 1100)
        scale = min(longer / max(part), 1.5)
        target = size or (max(32, round(part[0] * scale)), max(32, round(part[1] * scale)))
        found = photo.resize(target, Image.Resampling.BICUBIC, box=box, reducing_gap=2.0)
        return found.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if dice.chance(0.5) else found

    def draw_clipart(self, dice: Dice, height: int) -> Image.Image:
        """An RGBA drawing of about `height` pixels, each package's as often as another's."""
        import resvg_py

        drawings = self.clipart[dice.pick(sorted(self.clipart))]
        source = dice.pick(drawings)
        while not source.startswith(b"<svg") or b"<%" in source:  # some are templates
            source = dice.pick(drawings)
        drawn: bytes | list[int] = resvg_py.svg_to_bytes(svg_string=source.decode("utf-8"), height=2 * height)
        picture = Image.open(io.BytesIO(bytes(drawn))).convert("RGBA")
        picture = picture.crop(picture.getbbox() or (0, 0, *picture.size))
        width = max(8, round(picture.width * height / picture.height))
        picture = picture.resize((min(width, 3 * height), height), Image.Resampling.LANCZOS)
        return _shade(picture, dice) if dice.chance(0.35) else picture


def _shade(drawing: Image.Image, dice: Dice) -> Image.Image:
    """Light from one side or a bright spot, as on glossy icons."""
    pixels = np.asarray(drawing).astype(np.float32)
    y, x = np.mgrid[0 : 1 : pixels.shape[0] * 1j, 0 : 1 : pixels.shape[1] * 1j]
    if dice.chance(0.5):
        light = 1 + dice.between(-0.5, 0.5) * (x - 0.5) + dice.between(-0.7, 0.7) * (y - 0.5)
    else:
        light = 0.75 + dice.between(0.3, 0.7) * np.exp(
            -((x - dice.between(0.2, 0.7)) ** 2 + (y - dice.between(0.1, 0.5)) ** 2) * 8
        )
    pixels[..., :3] *= light[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


Sort = Callable[[Stock, Dice], Image.Image]  # draws one picture of a sort
Sorts = dict[str, tuple[int, Sort]]  # by name: how many of each round, and who draws them


def _open(content: bytes, longer_side: int) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.draft("RGB", (longer_side, longer_side))
    laid = Image.new("RGB", picture.size, "white")
    laid.paste(picture, mask=picture.convert("RGBA").getchannel("A")) if "A" in picture.getbands() else laid.paste(
        picture
    )
    laid.thumbnail((longer_side, longer_side))
    return laid


def read_icons(content: bytes) -> list[bytes]:
    """The drawings of an icon set in Iconify's JSON, each as SVG."""
    icons = json.loads(content)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    drawings = []
    for _, icon in sorted(icons["icons"].items()):
        width, height = (icon.get(side, icons.get(side, 16)) for side in ("width", "height"))
        drawings.append(f'<svg {names} viewBox="0 0 {width} {height}">{icon["body"]}</svg>'.encode())
    return drawings


def read_arcs(topology: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Rings (N, 2) of all countries or counties of a TopoJSON file, longitude and latitude in degrees."""
    scale, shift = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    arcs = [np.cumsum(arc, 0) * scale + shift for arc in topology["arcs"]]
    rings = []
    areas = topology["objects"].get("countries") or topology["objects"]["counties"]
    for country in areas["geometries"]:
        parts = country.get("arcs", []) if country["type"] == "MultiPolygon" else [country.get("arcs", [])]
        for part in parts:
            for ring in part:
                pieces = [arcs[one] if one >= 0 else arcs[~one][::-1] for one in ring]
                rings.append(np.concatenate(pieces))
    return rings
