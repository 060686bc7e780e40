"""Names what became of a file's colour profile; apart from the conversion, so that answers need no Pillow."""

from typing import Literal

ProfileUse = Literal["none", "srgb", "converted", "ignored"]
