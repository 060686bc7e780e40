"""The operations by name; an operation's name is the last part of its route."""

from typing import Any

from pipelines.captioning.options import FeaturesOptions
from pipelines.errors import RequestRejected
from pipelines.faces.options import AvatarOptions, FacesOptions
from pipelines.image.sanitize_types import SanitizeOptions
from pipelines.objects.options import ObjectsOptions
from service.operations.documents import DocumentsQuery, run_documents
from service.operations.embeddings import EmbeddingInputs, run_embeddings
from service.operations.images import (
    AnalyzeInputs,
    ExplainQuery,
    run_analyze,
    run_avatars,
    run_explain,
    run_faces,
    run_features,
    run_objects,
    run_sanitize,
)
from service.operations.moderations import ModerationInputs, run_moderations
from service.operations.operation import Operation, options_parser

ANALYZE = Operation(
    "analyze",
    AnalyzeInputs.of,
    run_analyze,
    time_limit="document_seconds",
    scopes=("analyze", "documents"),
    scopes_of=AnalyzeInputs.required_scopes,
)
FEATURES = Operation("features", options_parser(FeaturesOptions), run_features)
FACES = Operation("faces", options_parser(FacesOptions), run_faces)
OBJECTS = Operation("objects", options_parser(ObjectsOptions), run_objects)
AVATARS = Operation("avatars", options_parser(AvatarOptions), run_avatars)
EXPLAIN = Operation("explain", options_parser(ExplainQuery), run_explain)
SANITIZE = Operation("sanitize", options_parser(SanitizeOptions), run_sanitize)
DOCUMENTS = Operation(
    "documents",
    options_parser(DocumentsQuery),
    run_documents,
    image_names=("document", "image"),
    time_limit="document_seconds",
    scopes=("documents",),
)
MODERATIONS = Operation("moderations", ModerationInputs.of, run_moderations, image_names=())
EMBEDDINGS = Operation("embeddings", EmbeddingInputs.of, run_embeddings, image_names=())

OPERATIONS: dict[str, Operation[Any]] = {
    one.name: one
    for one in (
        ANALYZE,
        FEATURES,
        OBJECTS,
        FACES,
        AVATARS,
        EXPLAIN,
        SANITIZE,
        DOCUMENTS,
        MODERATIONS,
        EMBEDDINGS,
    )
}

OPERATIONS_BY_PATH = {one.path: one for one in OPERATIONS.values()}


def find_operation(name: str) -> Operation[Any]:
    """The operation of that name; raises RequestRejected."""
    if name not in OPERATIONS:
        raise RequestRejected(f"no operation {name!r} here; there are: {', '.join(OPERATIONS)}")
    return OPERATIONS[name]
