"""What one run of the engine found, over all pipelines that were asked."""

from pydantic import Field

from pipelines.documents.types import Document
from pipelines.explain import Explained
from pipelines.faces.types import Avatar, Faces
from pipelines.moderation.types import Moderation
from pipelines.sanitize import Sanitized
from pipelines.types import Answer, Features


class Findings(Answer):
    """One field per pipeline, under its name; None where it was not asked for or `withheld`."""

    withheld: list[str] | None = Field(
        default=None, description="pipelines that did not see the image, because moderation blocks it"
    )
    moderation: Moderation | None = None
    features: Features | None = None
    faces: Faces | None = None
    document: Document | None = None
    explain: Explained | None = None
    sanitize: Sanitized | None = Field(default=None, exclude=True)  # an image file, as the avatar
    avatar: Avatar | None = Field(default=None, exclude=True)  # an image file: a route of its own hands it out
