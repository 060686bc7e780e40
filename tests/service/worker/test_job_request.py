"""Packing requests into jobs: nothing is lost, and images become payloads beside the record."""

from typing import Any

import pytest

from service.operations.operation import OperationRequest
from service.worker.job_request import JobRequest


@pytest.mark.parametrize("image", [None, b"bytes", "https://example.com/a.jpg"])
@pytest.mark.parametrize("fields", [{}, {"top_k": 3}, {"input": "x" * 10_000}])
def test_unpacking_gives_the_packed_request(fields: dict[str, Any], image: bytes | str | None) -> None:
    request = JobRequest("features", OperationRequest(fields, image), "https://example.com/hook")

    assert JobRequest.unpack(*request.pack()) == request


def test_the_record_stays_small() -> None:
    work, payloads = JobRequest("moderations", OperationRequest({"input": "x" * 10_000}, b"image")).pack()

    assert len(str(work)) < 500
    assert sorted(map(len, payloads)) == [5, 10_012]
