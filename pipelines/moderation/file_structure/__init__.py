"""What an image file is made of, read from its bytes alone: where its metadata lies, and where the image really ends.

Damaged files are taken as they come: what makes no sense ends the walk. All walks are linear in the file's size.
"""

from collections.abc import Callable

from pipelines.image.formats import Format
from pipelines.moderation.file_structure.boxes import heif
from pipelines.moderation.file_structure.jpeg import jpeg
from pipelines.moderation.file_structure.part import Anatomy, Part
from pipelines.moderation.file_structure.pdf import pdf
from pipelines.moderation.file_structure.raster import bmp, gif, png, webp
from pipelines.moderation.file_structure.tiff import has_position, tiff

__all__ = ["Anatomy", "Part", "anatomy", "has_position", "jpeg"]

_READERS: dict[Format, Callable[[bytes], Anatomy]] = {
    "JPEG": jpeg, "PNG": png, "WEBP": webp, "GIF": gif, "BMP": bmp, "TIFF": tiff, "HEIF": heif, "AVIF": heif,
    "PDF": pdf,
}  # fmt: skip


def anatomy(data: bytes, format: Format) -> Anatomy:
    return _READERS[format](data)
