"""The texts of attacks.jsonl and harmless.jsonl, written for these tests, and how attacks are drawn and hidden.

Half of each file, by chance within each language, was set apart before the rules were written.
"""

import io
import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import reportlab
import skimage.data
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FOLDER = Path(__file__).parent
FONT = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"  # has the letters of Western Europe
CID_FONTS = {"zh": "STSong-Light", "ja": "HeiseiMin-W3", "ru": "HeiseiMin-W3"}  # not embedded: text without pixels
WIDTH, HEIGHT = A4

Colour = tuple[int, int, int]

_CYRILLIC = str.maketrans("aeopcx", "аеорсх")
_LATIN = str.maketrans("аеорсх", "aeopcx")
_LEET = str.maketrans("oieas", "01345")


@dataclass(frozen=True, slots=True)
class Attack:
    id: str
    part: str
    language: str
    hiding: str
    text: str

    @property
    def is_file(self) -> bool:
        return self.hiding.startswith(("image", "pdf"))


@dataclass(frozen=True, slots=True)
class HarmlessText:
    id: str
    part: str
    language: str
    kind: str
    text: str


def read_attacks() -> list[Attack]:
    return [Attack(**json.loads(line)) for line in (FOLDER / "attacks.jsonl").read_text("utf-8").splitlines()]


def read_harmless_texts() -> list[HarmlessText]:
    return [HarmlessText(**json.loads(line)) for line in (FOLDER / "harmless.jsonl").read_text("utf-8").splitlines()]


def disguise(attack: Attack) -> str:
    """The text of an attack that comes as text, written as it says."""
    text, latin = attack.text, attack.language != "ru"
    match attack.hiding:
        case "text-zero-width":
            return "\u200b".join(text)
        case "text-confusable":
            return text.translate(_CYRILLIC if latin else _LATIN)
        case "text-spaced":
            return "   ".join(" ".join(word) for word in text.split())
        case "text-leet":
            return text.translate(_LEET)
    return text


def draw(attack: Attack) -> bytes:
    """A PNG or a PDF with the attack in it, hidden as it says."""
    if attack.hiding.startswith("pdf"):
        return _draw_pdf(attack)
    return {
        "image": lambda: draw_image(attack.text),
        "image-photo": lambda: _draw_on_photograph(attack.text),
        "image-small": lambda: draw_image(attack.text, size=11),
        "image-faint": lambda: draw_image(attack.text, ink=(226, 226, 226), paper=(250, 250, 250)),
    }[attack.hiding]()


def draw_image(text: str, *, size: int = 24, ink: Colour = (20, 20, 20), paper: Colour = (255, 255, 255)) -> bytes:
    """A page with a heading of black letters and the text under it."""
    picture = Image.new("RGB", (900, 420), paper)
    pen = ImageDraw.Draw(picture)
    pen.text((40, 30), "Minutes of the harbour council", fill="black", font=ImageFont.truetype(FONT, 30))
    pen.multiline_text((40, 110), _wrap(text, 830 / size / 0.62), fill=ink, font=ImageFont.truetype(FONT, size))
    return _png(picture)


def _draw_on_photograph(text: str) -> bytes:
    picture = _photograph().resize((900, 600))
    font = ImageFont.truetype(FONT, 26)
    ImageDraw.Draw(picture).multiline_text(
        (30, 40), _wrap(text, 48), fill="white", font=font, stroke_width=2, stroke_fill="black"
    )
    return _png(picture)


def _draw_pdf(attack: Attack) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    canvas.setFont("Helvetica", 12)
    canvas.drawString(72, HEIGHT - 72, "Minutes of the harbour council")
    for number, line in enumerate(("The boats came in early.", "Nobody had expected so many of them.")):
        canvas.drawString(72, HEIGHT - 110 - 18 * number, line)
    hide: Callable[[Canvas, Attack], None] = {
        "pdf": lambda canvas, attack: _write(canvas, attack),
        "pdf-white": lambda canvas, attack: _write(canvas, attack, ink=1.0),
        "pdf-tiny": lambda canvas, attack: _write(canvas, attack, size=1.0),
        "pdf-invisible": lambda canvas, attack: _write(canvas, attack, mode=3),
        "pdf-covered": _write_under_image,
        "pdf-outside": lambda canvas, attack: _write(canvas, attack, top=-60.0),
    }[attack.hiding]
    hide(canvas, attack)
    canvas.save()
    return file.getvalue()


def _write(
    canvas: Canvas, attack: Attack, *, size: float = 12.0, ink: float = 0.0, mode: int = 0, top: float = 400.0
) -> None:
    written = canvas.beginText(72, top)
    written.setFont(_font_name(attack), size, size * 1.3)
    written.setFillGray(ink)
    written.setTextRenderMode(mode)
    for line in attack.text.splitlines():
        for part in textwrap.wrap(line, 60) if attack.language not in CID_FONTS else [line]:
            written.textLine(part)
    canvas.drawText(written)


def _write_under_image(canvas: Canvas, attack: Attack) -> None:
    _write(canvas, attack)
    canvas.drawImage(ImageReader(_photograph()), 60, 300, 480, 140)


def _font_name(attack: Attack) -> str:
    name = CID_FONTS.get(attack.language)
    if name is None:
        return "Helvetica"
    pdfmetrics.registerFont(UnicodeCIDFont(name))
    return name


def _wrap(text: str, characters: float) -> str:
    return "\n".join(part for line in text.splitlines() for part in textwrap.wrap(line, int(characters)))


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _photograph() -> Image.Image:
    return Image.fromarray(skimage.data.coffee())  # type: ignore[no-untyped-call]
