"""Rates how good an avatar a face would make, with the reasons against it."""

from math import log, prod
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.captioning.appearance import laplacian_variance
from pipelines.faces.candidates import Floats
from pipelines.faces.types import FaceQuality, Pose, QualityReason

CROP_SIZE = 64  # pixels at which a face's sharpness and brightness are measured

# For each measure: the value from which on it is no drawback, and the value at which it makes a face useless.
CERTAIN, DOUBTFUL = 0.9, 0.3  # score
LARGE, TINY = 96.0, 16.0  # side in pixels of the original
SHARP, BLURRED = 2.5e-3, 2e-4
FRONTAL, PROFILE = 25.0, 75.0  # degrees of yaw
LEVEL, STEEP = 25.0, 60.0  # degrees of pitch
WHOLE, HALVED = 0.04, 0.4  # share of the face that lies outside the image
LIGHT, BLACK = 0.22, 0.04  # mean luma
BALANCED, WHITE = 0.82, 0.98
# Another face counts as company from this size on, relative to the face rated.
COMPANION_RATIO = 0.5


def measure_faces(crops: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """Sharpness (N,) and brightness (N,) of (N, CROP_SIZE, CROP_SIZE, 3) crops of faces."""
    grey = cv2.cvtColor(crops.reshape(-1, CROP_SIZE, 3).astype(np.float32), cv2.COLOR_RGB2GRAY)
    planes = cast(Floats, grey).reshape(-1, CROP_SIZE, CROP_SIZE)
    sharpness = np.array([laplacian_variance(luma) for luma in planes], np.float32)
    return sharpness, planes.mean(axis=(1, 2)) / 255


def rate_face(
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
    """Multiply the shares that the measures leave; `side` in pixels of the original, `outside` a share of the box."""
    shares: dict[QualityReason, float] = {
        "uncertain": _compute_share(score, CERTAIN, DOUBTFUL),
        "too small": _compute_share(side, LARGE, TINY),
        "blurred": _compute_share(log(sharpness + 1e-9), log(SHARP), log(BLURRED)),
        "turned away": _compute_share(abs(pose.yaw), FRONTAL, PROFILE),
        "tilted up or down": _compute_share(abs(pose.pitch), LEVEL, STEEP),
        "cut off": _compute_share(outside, WHOLE, HALVED),
        "dark": _compute_share(brightness, LIGHT, BLACK),
        "overexposed": _compute_share(brightness, BALANCED, WHITE),
        "several people": 0.8 if has_company else 1.0,
    }
    return FaceQuality(
        sharpness=round(sharpness, 6),
        brightness=round(brightness, 4),
        relative_size=round(relative_size, 4),
        suitability=round(prod(shares.values()), 4),
        reasons=[reason for reason, share in shares.items() if share < 0.9],
    )


def _compute_share(value: float, good: float, useless: float) -> float:
    """1 at `good` and beyond, 0 at `useless` and beyond, a straight line between."""
    return min(max((value - useless) / (good - useless), 0.0), 1.0)
