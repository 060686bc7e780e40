"""Reads the structure of an image file from its bytes alone: where metadata lies, and where the image really ends.

Damaged files are not refused: the walk ends at the first thing that makes no sense. All walks are linear in the
file's size.
"""

from collections.abc import Callable

from pipelines.image.formats import FileFormat
from pipelines.moderation.file_structure.boxes import read_heif
from pipelines.moderation.file_structure.jpeg import read_jpeg
from pipelines.moderation.file_structure.pdf import read_pdf
from pipelines.moderation.file_structure.raster import read_bmp, read_gif, read_png, read_webp
from pipelines.moderation.file_structure.structure import FileStructure, MetadataBlock
from pipelines.moderation.file_structure.tiff import has_gps_position, read_tiff

__all__ = ["FileStructure", "MetadataBlock", "has_gps_position", "read_file_structure", "read_jpeg"]

_READERS: dict[FileFormat, Callable[[bytes], FileStructure]] = {
    "JPEG": read_jpeg, "PNG": read_png, "WEBP": read_webp, "GIF": read_gif, "BMP": read_bmp, "TIFF": read_tiff,
    "HEIF": read_heif, "AVIF": read_heif, "PDF": read_pdf,
}  # fmt: skip


def read_file_structure(data: bytes, format: FileFormat) -> FileStructure:
    return _READERS[format](data)
