"""How a head is turned, from five landmarks: scaled orthography, solved in closed form.

Source: D. DeMenthon and L. Davis, "Model-Based Object Pose in 25 Lines of Code" (IJCV 1995), first step (POS).
"""

import numpy as np

from pipelines.faces.candidates import Floats

# An average adult head in millimetres: x to the right, y down, z away from the viewer, in the order of LANDMARKS.
HEAD = np.array([[-31.5, 0, 0], [31.5, 0, 0], [0, 39, -26], [-25, 70, -4], [25, 70, -4]], np.float64)
_SOLVE = np.linalg.pinv(HEAD - HEAD.mean(axis=0))  # (3, 5)


def head_pose(landmarks: Floats) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees from (5, 2) points, all 0 for a face that looks straight out of the picture.

    Roll is positive when it leans clockwise as seen. Turned upright by it, yaw is positive when the face looks
    to the right of the image, pitch when it looks up. A smile alone moves pitch by 20 degrees; beyond 60
    degrees of yaw only the sign is reliable.
    """
    points = landmarks.astype(np.float64)
    x, y = points[1] - points[0]
    roll = np.arctan2(y, x)
    points = points @ np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    projection = (_SOLVE @ (points - points.mean(axis=0))).T  # (2, 3): scale times the first two rows of the rotation
    if not np.isfinite(projection).all() or np.linalg.matrix_rank(projection) < 2:
        return 0.0, 0.0, 0.0
    left, _, right = np.linalg.svd(projection, full_matrices=False)
    rows = left @ right  # the nearest two orthonormal rows
    third = np.cross(rows[0], rows[1])
    yaw = np.arctan2(-rows[0, 2], third[2])
    pitch = np.arcsin(np.clip(rows[1, 2], -1, 1))
    yaw_degrees, pitch_degrees, roll_degrees = np.degrees([yaw, pitch, roll]).round(1).tolist()
    return yaw_degrees, pitch_degrees, roll_degrees
