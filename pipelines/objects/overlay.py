"""Draws boxes, labels and scores of objects onto a picture."""

from PIL import Image, ImageDraw, ImageFont

from pipelines.objects.types import Objects

STATED, LISTED = "#00c853", "#9e9e9e"


def draw_objects(pixels: Image.Image, result: Objects) -> Image.Image:
    """Draw onto a copy of upright RGB `pixels` in the original's size: green where the label is stated, else grey."""
    image = pixels.copy()
    pen = ImageDraw.Draw(image)
    width = max(1, round(max(image.size) / 400))
    font = ImageFont.load_default(size=max(10, 5 * width))
    for one in reversed(result.objects):  # the best is drawn last, on top
        x0, y0, x1, y1 = one.box
        colour = STATED if one.label in result.counts else LISTED
        pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colour, width=width)
        pen.text(
            (x0 + 2 * width, y0 + width), f"{one.label} {one.score:.2f}",
            fill=colour, font=font, stroke_width=max(1, width // 2), stroke_fill="black",
        )  # fmt: skip
    return image
