"""A document read, in the form that was asked for."""

from typing import Literal

from pydantic import Field

from pipelines.documents.options import DocumentsOptions
from pipelines.documents.outputs.formats import KINDS, written
from service.components import Components
from service.operations.operation import ExecutionLimits, Reply, origin, run_engine
from service.operations.request import OperationRequest
from service.operations.schemas import DocumentReply


class DocumentsQuery(DocumentsOptions):
    format: Literal["json", "markdown", "text", "hocr", "pdf"] = Field(
        default="json", description="pdf: the pages' pictures with their text invisibly over them"
    )

    @property
    def options(self) -> DocumentsOptions:
        given = self.model_dump(exclude={"format"})
        return DocumentsOptions.model_validate(given | {"pictures": True} if self.format == "pdf" else given)


async def documents(
    components: Components, ask: OperationRequest, asked: DocumentsQuery, terms: ExecutionLimits
) -> Reply:
    findings = await run_engine(components, ask.image, {"document": asked.options}, terms)
    headers = origin(findings)
    if asked.format == "json":
        body = await components.pool.run(DocumentReply.of(findings).model_dump_json, exclude_none=True)
        return Reply(body.encode(), headers=headers)
    assert findings.document is not None
    data = await components.pool.run(written, findings.document, asked.format)
    return Reply(data, KINDS[asked.format].media_type, headers)
