"""Every operation by its name, which is the last part of its route."""

from typing import Any

from pipelines.captioning.pipeline import FeaturesOptions
from pipelines.errors import RequestRejected
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.image.sanitize import SanitizeOptions
from service.operations.documents import DocumentsQuery, documents
from service.operations.embeddings import Embedded, embeddings
from service.operations.images import Analysis, ExplainQuery, analyze, avatars, explain, faces, features, sanitize
from service.operations.moderations import Judging, moderations
from service.operations.operation import Operation, options_of

ANALYZE = Operation("analyze", Analysis.of, analyze, limit="document_seconds")
FEATURES = Operation("features", options_of(FeaturesOptions), features)
FACES = Operation("faces", options_of(FacesOptions), faces)
AVATARS = Operation("avatars", options_of(AvatarOptions), avatars)
EXPLAIN = Operation("explain", options_of(ExplainQuery), explain)
SANITIZE = Operation("sanitize", options_of(SanitizeOptions), sanitize)
DOCUMENTS = Operation(
    "documents", options_of(DocumentsQuery), documents, image_names=("document", "image"), limit="document_seconds"
)
MODERATIONS = Operation("moderations", Judging.of, moderations, image_names=())
EMBEDDINGS = Operation("embeddings", Embedded.of, embeddings, image_names=())

OPERATIONS: dict[str, Operation[Any]] = {
    one.name: one for one in (ANALYZE, FEATURES, FACES, AVATARS, EXPLAIN, SANITIZE, DOCUMENTS, MODERATIONS, EMBEDDINGS)
}

BY_PATH = {one.path: one for one in OPERATIONS.values()}


def operation(name: str) -> Operation[Any]:
    """Raises RequestRejected."""
    if name not in OPERATIONS:
        raise RequestRejected(f"no operation {name!r} here; there are: {', '.join(OPERATIONS)}")
    return OPERATIONS[name]
