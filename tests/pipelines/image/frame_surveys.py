"""Draws animations, and surveys them."""

from PIL import Image

from pipelines.image.decode import FrameSurvey, ImageLimits
from pipelines.image.frame_views import SurveyPlan
from pipelines.image.frames import survey_frames
from tests.pipelines.images import encode


def animate(format: str, *pictures: Image.Image, durations: list[int] | None = None) -> bytes:
    """`durations` are milliseconds; without them, the file has none."""
    given = {"duration": durations} if durations else {}
    return encode(pictures[0], format, save_all=True, append_images=pictures[1:], **given)


def survey(
    data: bytes, count: int, most: int = 4, limits: ImageLimits | None = None, plan: SurveyPlan | None = None
) -> FrameSurvey:
    return survey_frames(data, limits=limits or ImageLimits(), plan=plan or SurveyPlan(), frames=count, most=most)
