"""Draws boxes, landmarks and scores of faces onto a picture."""

from PIL import Image, ImageDraw, ImageFont

from pipelines.faces.candidates import LANDMARKS
from pipelines.faces.types import Face, Faces

PRIMARY, FACE, CANDIDATE = "#00c853", "#ffd600", "#9e9e9e"
POINTS = ("#ff1744", "#2979ff", "#00e5ff", "#ff9100", "#d500f9")  # in the order of LANDMARKS


def draw_faces(pixels: Image.Image, result: Faces) -> Image.Image:
    """Draw onto a copy of upright RGB `pixels` in the original's size: primary green, faces yellow, candidates grey."""
    image = pixels.copy()
    pen = ImageDraw.Draw(image)
    width = max(1, round(max(image.size) / 400))
    font = ImageFont.load_default(size=max(10, 5 * width))
    for index, face in reversed(list(enumerate(result.faces))):  # the best is drawn last, on top
        colour = PRIMARY if index == result.primary else FACE if face.is_face else CANDIDATE
        _draw_face(pen, face, colour, width, font)
    return image


def _draw_face(
    pen: ImageDraw.ImageDraw, face: Face, colour: str, width: int, font: ImageFont.ImageFont | ImageFont.FreeTypeFont
) -> None:
    x0, y0, x1, y1 = face.box
    pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colour, width=width)
    radius = max(width, (x1 - x0) / 40)
    for name, point in zip(LANDMARKS, POINTS, strict=True):
        x, y = getattr(face.landmarks, name)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=point)
    label = f"{face.score:.2f}"
    if face.quality is not None:
        label += f" suits {face.quality.suitability:.2f}"
    pen.text((x0, y1 + width), label, fill=colour, font=font, stroke_width=max(1, width // 2), stroke_fill="black")
