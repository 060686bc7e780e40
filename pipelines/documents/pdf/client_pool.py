"""Several of PDFium's processes, so that one document's slow page does not keep all others waiting."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipelines.confinement.process import ProcessDeaths
from pipelines.documents.pdf.client import PdfDocument, PdfiumClient, PdfLimits


class PdfiumPool:
    """Each document stays in one process, the one with the fewest open documents when it came."""

    def __init__(self, limits: PdfLimits | None = None, *, processes: int = 2) -> None:
        self.deaths = ProcessDeaths()
        self._clients = [PdfiumClient(limits, self.deaths) for _ in range(processes)]  # processes start on demand
        self._open_documents: Counter[PdfiumClient] = Counter()

    @asynccontextmanager
    async def open_document(self, data: bytes, password: str | None = None) -> AsyncIterator[PdfDocument]:
        """Raises as `PdfiumClient.open_document`."""
        client = min(self._clients, key=self._open_documents.__getitem__)
        self._open_documents[client] += 1
        try:
            async with client.open_document(data, password) as pdf:
                yield pdf
        finally:
            self._open_documents[client] -= 1

    def close(self) -> None:
        for client in self._clients:
            client.close()
