"""Data URLs and base64 as browsers and libraries write them."""

import base64
import tracemalloc
from urllib.parse import quote

import pytest

from pipelines.errors import RequestRejected
from service.operations.data_urls import decode_base64, decode_data_url, is_data_url

DATA = bytes(range(256)) * 3 + b"\xfb\xff\xfe!"  # its base64 has + and /, and padding
TEXT = base64.b64encode(DATA).decode()
LINES = "\r\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76))

WRITTEN = {
    "strictly": TEXT,
    "in lines": LINES,
    "with a last line break": TEXT + "\n",
    "with spaces": TEXT.replace("A", "A ", 5),
    "without padding": TEXT.rstrip("="),
    "in the alphabet of URLs": base64.urlsafe_b64encode(DATA).decode(),
    "in the alphabet of URLs, without padding": base64.urlsafe_b64encode(DATA).decode().rstrip("="),
    "percent-encoded": TEXT.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
}

HEADS = [
    "data:image/png;base64,",
    "DATA:image/png;base64,",
    "data:image/png;BASE64,",
    "data:image/png; base64,",
    "data:image/png;charset=utf-8;base64,",
    'data:image/png;name="a.png";base64,',
    "data:image/png;base64;charset=utf-8,",
    "data:;base64,",
    " data:image/png;base64,",
    "\ndata:image/png;base64,",
]


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_base64_is_read_however_it_is_written(text: str) -> None:
    assert decode_base64(text) == DATA


@pytest.mark.parametrize("head", HEADS)
def test_the_head_is_read_however_it_is_written(head: str) -> None:
    assert is_data_url(head + TEXT)
    assert decode_data_url(head + TEXT) == DATA


@pytest.mark.parametrize("count", [1, 100, 30_000])
def test_bytes_may_be_percent_encoded(count: int) -> None:
    data = DATA * count

    assert decode_data_url("data:image/png," + quote(data)) == data


def test_a_fragment_is_no_content() -> None:
    assert decode_data_url(f"data:image/png;base64,{TEXT}#part") == DATA
    assert decode_data_url(f"data:image/png,{quote(DATA)}#part") == DATA


def test_escapes_take_little_memory() -> None:
    text = "%41" * 1_000_000
    tracemalloc.start()
    try:
        decoded = decode_base64(text)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert decoded == bytes(750_000)
    assert peak < 5 * len(text)


@pytest.mark.parametrize("text", ["https://example.org/data:image", "dat", "", "image/png;base64,AAAA"])
def test_other_texts_are_no_data_urls(text: str) -> None:
    assert not is_data_url(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A", "not base64"),
        ("AAAA=AAAA", "not base64"),
        ("AAéA", "not base64: it has characters beyond ASCII"),
        ("AA$A", "not base64"),
        ("A" * 5, "not base64"),
    ],
)
def test_what_is_no_base64_is_refused(text: str, why: str) -> None:
    with pytest.raises(RequestRejected, match=why):
        decode_base64(text)


@pytest.mark.parametrize("url", ["data:image/png;base64", "data:image/png,AAAA", "data:image/png;base64x,AAAA"])
def test_a_data_url_without_base64_is_refused(url: str) -> None:
    with pytest.raises(RequestRejected, match="must have the form"):
        decode_data_url(url)
