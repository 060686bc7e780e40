"""Turns pictures upright as browsers do: by Exif, and by the properties of HEIF and AVIF, but not by XMP.

| format | what counts | who turns the pixels |
| --- | --- | --- |
| JPEG, PNG (eXIf), WebP | Exif | `turn_upright` |
| TIFF | its own tag | Pillow, while it loads them |
| AVIF | irot and imir, which Pillow gives as an Exif value | `turn_upright` |
| HEIC | irot and imir; its Exif tag repeats them or means nothing | libheif |
"""

from PIL import Image

from pipelines.image.formats import FileFormat

# Exif orientation (2-8) to the operation that turns the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TAG = 0x0112
_TURNED_BY_READER: tuple[FileFormat, ...] = ("HEIF", "TIFF")
_XMP = ("xmp", "XML:com.adobe.xmp")


def drop_xmp(image: Image.Image) -> None:
    """Pillow takes an orientation from XMP where Exif has none: call this before the image is loaded."""
    for key in _XMP:
        image.info.pop(key, None)


def read_orientation(image: Image.Image, format: FileFormat) -> int:
    """The Exif orientation, 1 to 8; 1 if it is missing, out of range or unreadable."""
    try:
        value = int(image.getexif().get(_TAG, 1))
        if format == "HEIF" and _TAG in image.getexif():
            value = int(image.info.get("original_orientation") or 1)  # Exif has 1: libheif's plugin has reset it
    except Exception:  # damaged metadata must never cost the picture
        return 1
    return value if value in range(1, 9) else 1


def is_sideways(orientation: int, format: FileFormat) -> bool:
    """Whether `turn_upright` swaps width and height."""
    return orientation >= 5 and format not in _TURNED_BY_READER


def turn_upright(pixels: Image.Image, orientation: int, format: FileFormat) -> Image.Image:
    """`pixels` itself where nothing is to be turned."""
    operation = None if format in _TURNED_BY_READER else _UPRIGHT.get(orientation)
    return pixels if operation is None else pixels.transpose(operation)
