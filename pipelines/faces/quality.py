"""How good an avatar a face would make, and what is against it."""

from math import log, prod
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.captioning.appearance import laplacian_variance
from pipelines.faces.candidates import Floats
from pipelines.faces.types import FaceQuality, Pose, Reason

SIZE = 64  # pixels at which a face's sharpness and brightness are measured

# For each measure the value that is no drawback at all, and the value that makes a face useless.
CERTAIN, DOUBTFUL = 0.9, 0.3  # score
LARGE, TINY = 96.0, 16.0  # side in pixels of the original
SHARP, BLURRED = 2.5e-3, 2e-4
FRONTAL, PROFILE = 25.0, 75.0  # degrees of yaw
LEVEL, STEEP = 25.0, 60.0  # degrees of pitch
WHOLE, HALVED = 0.04, 0.5  # share of the face that lies outside the image
LIGHT, BLACK = 0.22, 0.04  # mean luma
BALANCED, WHITE = 0.82, 0.98
# Another face counts as company when it is at least this large, relative to this one.
COMPANION = 0.5


def measure(crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Sharpness and brightness of (N, SIZE, SIZE, 3) crops of faces."""
    grey = cv2.cvtColor(crops.reshape(-1, SIZE, 3).astype(np.float32), cv2.COLOR_RGB2GRAY)
    planes = cast(Floats, grey).reshape(-1, SIZE, SIZE)
    sharpness = np.array([laplacian_variance(luma) for luma in planes], np.float32)
    return sharpness, planes.mean(axis=(1, 2)) / 255


def face_quality(
    *,
    score: float,
    side: float,
    relative_size: float,
    pose: Pose,
    outside: float,
    sharpness: float,
    brightness: float,
    has_company: bool,
) -> FaceQuality:
    """The product of what each measure leaves; `side` in pixels of the original, `outside` a share of the box."""
    left: dict[Reason, float] = {
        "uncertain": _left(score, CERTAIN, DOUBTFUL),
        "too small": _left(side, LARGE, TINY),
        "blurred": _left(log(sharpness + 1e-9), log(SHARP), log(BLURRED)),
        "turned away": _left(abs(pose.yaw), FRONTAL, PROFILE),
        "tilted up or down": _left(abs(pose.pitch), LEVEL, STEEP),
        "cut off": _left(outside, WHOLE, HALVED),
        "dark": _left(brightness, LIGHT, BLACK),
        "overexposed": _left(brightness, BALANCED, WHITE),
        "several people": 0.8 if has_company else 1.0,
    }
    return FaceQuality(
        sharpness=round(sharpness, 6),
        brightness=round(brightness, 4),
        relative_size=round(relative_size, 4),
        suitability=round(prod(left.values()), 4),
        reasons=[reason for reason, share in left.items() if share < 0.9],
    )


def _left(value: float, good: float, useless: float) -> float:
    """1 at `good` and beyond, 0 at `useless` and beyond, a straight line between."""
    return min(max((value - useless) / (good - useless), 0.0), 1.0)
