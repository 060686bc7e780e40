"""The operation `documents`: reads a document and writes it as JSON, Markdown, text, hOCR or PDF."""

from typing import Literal

from pydantic import Field

from pipelines.documents.options import DocumentsOptions
from pipelines.documents.outputs.formats import OUTPUT_FORMATS, encode_document
from pipelines.documents.spec import DOCUMENT
from service.components import Components
from service.operations.operation import ExecutionLimits, OperationReply, OperationRequest, origin_headers, run_engine
from service.operations.schemas import DocumentReply


class DocumentsQuery(DocumentsOptions):
    format: Literal["json", "markdown", "text", "hocr", "pdf"] = Field(
        default="json", description="pdf: the pages' pictures with their text invisibly over them"
    )

    @property
    def options(self) -> DocumentsOptions:
        given = self.model_dump(exclude={"format"})
        return DocumentsOptions.model_validate(given | {"pictures": True} if self.format == "pdf" else given)


async def run_documents(
    components: Components, request: OperationRequest, query: DocumentsQuery, limits: ExecutionLimits
) -> OperationReply:
    findings = await run_engine(components, request.image, {"document": query.options}, limits)
    headers = origin_headers(findings)
    if query.format == "json":
        body = await components.pool.run(DocumentReply.of(findings).model_dump_json, exclude_none=True)
        return OperationReply(body.encode(), headers=headers)
    data = await components.pool.run(encode_document, findings.of(DOCUMENT), query.format)
    return OperationReply(data, OUTPUT_FORMATS[query.format].media_type, headers)
