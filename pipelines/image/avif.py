"""Pillow's reader of AVIF, with less memory."""

from PIL import AvifImagePlugin


class LeanAvifFile(AvifImagePlugin.AvifImageFile):
    """Lets go of libavif's decoder, which keeps 4 bytes a pixel, once it has given the only frame."""

    def load_prepare(self) -> None:
        """Called by `load` when it has the decoder's pixels."""
        if not self.is_animated:
            self._decoder = None
        super().load_prepare()
