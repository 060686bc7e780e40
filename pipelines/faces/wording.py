"""Puts found faces into words: "Faces: 1 (large, centre, looks left)." """

from pipelines.counting import state_number
from pipelines.faces.types import Face, Faces
from pipelines.prompt import MANY, PromptContext

LARGE, SMALL = 0.3, 0.1  # relative sizes
TURNED = 30  # degrees of yaw
# Where there are that many faces, others are mostly hidden, turned away or too small to be found.
EXACT_UP_TO = 3


def describe_faces(result: Faces, context: PromptContext) -> str:
    """Empty in a short prompt where no face is certain."""
    number, is_exact = state_number([face.score for face in result.faces], context.precision)
    if number == 0:
        return "No face was found." if context.style == "full" and is_exact else ""
    if number > EXACT_UP_TO or not is_exact:
        count = f"more than {MANY}" if number > MANY else f"at least {number}"
        return f"Faces: {count}."
    surest = sorted(result.faces, key=lambda face: -face.score)[:number]
    return f"Faces: {number} ({'; '.join(map(_describe_face, sorted(surest, key=_left_edge)))})."


def _describe_face(face: Face) -> str:
    """Size, position, and direction of the gaze."""
    size = face.quality.relative_size if face.quality is not None else SMALL
    parts = ["large"] if size >= LARGE else ["small"] if size < SMALL else []
    parts.append(face.position)
    if abs(face.pose.yaw) >= TURNED:
        parts.append(f"looks {'right' if face.pose.yaw > 0 else 'left'}")
    return ", ".join(parts)


def _left_edge(face: Face) -> float:
    return face.box[0]
