"""Estimates how heads are turned from five landmarks each: scaled orthography, solved in closed form.

Source: D. DeMenthon and L. Davis, "Model-Based Object Pose in 25 Lines of Code" (IJCV 1995), first step (POS).
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.faces.candidates import Floats

# An average adult head in millimetres: x to the right, y down, z away from the viewer, in the order of LANDMARKS.
HEAD_POINTS = np.array([[-31.5, 0, 0], [31.5, 0, 0], [0, 39, -26], [-25, 70, -4], [25, 70, -4]], np.float64)
_SOLVE = np.linalg.pinv(HEAD_POINTS - HEAD_POINTS.mean(axis=0))  # (3, 5)


def estimate_head_poses(landmarks: Floats) -> NDArray[np.float64]:
    """Yaw, pitch and roll in degrees, (N, 3), of (N, 5, 2) points; all 0 for a face that looks straight ahead.

    Roll is positive when a face leans clockwise as seen. Once turned upright, yaw is positive when the face
    looks to the right of the image, pitch when it looks up. A smile alone moves pitch by 20 degrees; beyond
    60 degrees of yaw only the sign is reliable.
    """
    points = landmarks[..., 0] + 1j * landmarks[..., 1].astype(np.float64)
    roll = np.angle(points[:, 1] - points[:, 0])
    upright = points * np.exp(-1j * roll)[:, None]
    projection = upright @ _SOLVE.T  # (N, 3); independent of where the points' mean lies
    # The two nearest orthonormal rows are those of the rotation.
    left, _, right = np.linalg.svd(np.stack([projection.real, projection.imag], axis=1), full_matrices=False)
    rows = left @ right
    third = rows[:, 0, 0] * rows[:, 1, 1] - rows[:, 0, 1] * rows[:, 1, 0]  # z of their cross product
    yaw = np.arctan2(-rows[:, 0, 2], third)
    pitch = np.arcsin(rows[:, 1, 2].clip(-1, 1))
    angles: NDArray[np.float64] = np.degrees(np.stack([yaw, pitch, roll], axis=1))
    return angles
