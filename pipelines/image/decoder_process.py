"""Decodes images in a confined process; started with `serve_requests`' arguments."""

import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from pipelines.allocator import give_back_free_blocks
from pipelines.confinement.channel import KEPT_BYTES, ChannelMessage
from pipelines.confinement.child import serve_requests
from pipelines.errors import ImageRejected, ImageTooLarge
from pipelines.image.decode import ImageLimits, decode_frame
from pipelines.image.decoder_reply import MAX_MESSAGE, write_views
from pipelines.image.frame_views import SurveyPlan
from pipelines.image.frames import view_frames
from pipelines.image.pixel_arrays import to_array
from pipelines.image.rendering import render

_DRAWN = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


def main() -> None:
    cv2.setNumThreads(1)  # a confined process starts no threads
    _load_lazy_modules()
    serve_requests(handle_request)


def handle_request(request: ChannelMessage) -> ChannelMessage:
    """A kind of request is the beginning of a function's name. The reply is its result, or the error's code."""
    try:
        return _decode(request.arrays["data"].tobytes(), request.facts)
    except ImageRejected as error:
        return ChannelMessage({"error": error.code, "message": str(error)[:MAX_MESSAGE]})
    except MemoryError:
        return ChannelMessage(
            {"error": ImageTooLarge.code, "message": "this image needs more memory than its decoder has"}
        )


def _decode(data: bytes, facts: Mapping[str, Any]) -> ChannelMessage:
    limits = ImageLimits(**facts["limits"])
    if facts["kind"] == "render":
        image = render(data, limits=limits, longest=facts["longest"], shorter_side=facts["shorter_side"])
        return ChannelMessage({}, {"pixels": _to_array(image)})
    if facts["kind"] == "survey":
        plan = SurveyPlan(**facts["plan"])
        views = view_frames(data, limits=limits, plan=plan, frames=facts["frames"], is_judged=facts["is_judged"])
        return write_views(views)
    frame = decode_frame(data, limits=limits, shorter_side=facts["shorter_side"], frame=facts["frame"])
    return ChannelMessage(asdict(frame.facts), {"pixels": _to_array(frame.image)})


def _to_array(image: Image.Image) -> NDArray[np.uint8]:
    if image.width * image.height > KEPT_BYTES // 4:
        give_back_free_blocks()  # or a decoder's buffers would stay beside the copies that follow
    return to_array(image)


def _load_lazy_modules() -> None:
    """Pillow imports some of its modules at the first use, which would be too late."""
    drawn = Image.linear_gradient("L").resize((8, 8))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for format in _DRAWN:
        for compression in ("raw", "tiff_lzw") if format == "TIFF" else ("none",):
            file = io.BytesIO()
            drawn.save(file, format, icc_profile=profile, compression=compression)
            render(file.getvalue(), limits=ImageLimits(), longest=4, shorter_side=4)
    view_frames(file.getvalue(), limits=ImageLimits(), plan=SurveyPlan(), frames=1, is_judged=True)


if __name__ == "__main__":
    main()
