"""Requests as jobs: what is packed comes out again, and images are payloads beside the record."""

from typing import Any

import pytest

from service.operations.request import OperationRequest
from service.worker.job_request import Order


@pytest.mark.parametrize("image", [None, b"bytes", "https://example.com/a.jpg"])
@pytest.mark.parametrize("fields", [{}, {"top_k": 3}, {"input": "x" * 10_000}])
def test_what_is_packed_comes_out_again(fields: dict[str, Any], image: bytes | str | None) -> None:
    order = Order("features", OperationRequest(fields, image), "https://example.com/hook")

    assert Order.unpack(*order.pack()) == order


def test_the_record_stays_small() -> None:
    work, payloads = Order("moderations", OperationRequest({"input": "x" * 10_000}, b"image")).pack()

    assert (len(str(work)) < 500, sorted(map(len, payloads))) == (True, [5, 10_012])
