"""Names of facts about a picture that answers give; apart from what finds them, so that answers need no Pillow."""

from typing import Literal

ProfileUse = Literal["none", "srgb", "converted", "ignored"]  # what became of a colour profile
Backdrop = Literal["white", "black", "grey", "none"]  # under a transparent picture; none: the colours without alpha
