"""Pillow's reader of WebP, with less memory."""

from PIL import WebPImagePlugin


class LeanWebPFile(WebPImagePlugin.WebPImageFile):
    """Reads one frame, and then no other.

    libwebp's decoder of animations, which reads still images as well, has two canvases of 4 bytes a pixel. They go
    before Pillow makes its own pixels of what the decoder gave.
    """

    def load_prepare(self) -> None:
        """Called by `load` when it has the decoder's pixels."""
        self._decoder = None
        super().load_prepare()
