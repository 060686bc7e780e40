"""The formats of hash lists: each is read, and each mistake is reported with its line."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.moderation.hashes.formats import parse_hash_list, parse_redis_value
from pipelines.moderation.hashes.lists import HashEntry, HashList, HashListInvalid, SkippedHash
from tests.pipelines.moderation.hash_values import make_hash

ONE, TWO = make_hash(1).hex(), make_hash(2).hex()


def read(text: str) -> list[HashEntry | SkippedHash]:
    return list(parse_hash_list(text.encode(), "the list"))


def is_read_or_refused(text: str) -> bool:
    try:
        return all(isinstance(line, HashEntry | SkippedHash) for line in read(text))
    except HashListInvalid as error:
        return str(error).startswith("the list")


@pytest.mark.parametrize(
    ("text", "label", "source", "distance"),
    [
        (ONE, "", "", None),
        (ONE.upper(), "", "", None),
        (f"{ONE}\n", "", "", None),
        (f"\ufeff{ONE}\r\n", "", "", None),
        (f"{ONE},spam", "spam", "", None),
        (f"{ONE},100", "", "", None),
        (f"{ONE},87,a/photo.jpg", "a/photo.jpg", "", None),
        (f"pdq {ONE}", "", "", None),
        (f"hash={ONE},norm=128,delta=0,quality=100,filename=x.jpg", "x.jpg", "", None),
        (f"hash,label\n{ONE},spam", "spam", "", None),
        (f"Label, PDQ_Hash ,Source,max-distance\n spam , {ONE} ,police,12", "spam", "police", 12),
        (f'hash,category,note\n{ONE},"a, b","x\ny"', "a, b", "", None),
        (f"# ours\n\n{ONE},spam", "spam", "", None),
    ],
)
def test_rows_are_read_with_and_without_a_header(text: str, label: str, source: str, distance: int | None) -> None:
    assert read(text) == [HashEntry(make_hash(1), label, source, distance)]


@pytest.mark.parametrize(
    ("document", "label", "source"),
    [
        ([ONE], "", ""),
        ([{"hash": ONE, "label": "spam"}], "spam", ""),
        ({"hash": ONE, "label": "spam"}, "spam", ""),
        ({"data": [{"id": "7", "indicator": ONE, "type": "HASH_PDQ"}], "paging": {"next": "…"}}, "", ""),
        (
            {
                "data": [
                    {
                        "indicator": {"indicator": ONE, "id": "3"},
                        "type": "HASH_PDQ",
                        "tags": {"data": [{"id": "1", "text": "terror"}, {"id": "2", "text": "flag"}]},
                        "owner": {"id": "9", "name": "A Member"},
                        "status": "MALICIOUS",
                    }
                ]
            },
            "terror, flag",
            "A Member",
        ),
        (
            {"count": 1, "hashRecords": [{"signalType": "ImagePDQ", "hashValue": ONE, "hashStatus": "Active"}]},
            "",
            "",
        ),
        (
            {
                "images": [
                    {
                        "id": "image1",
                        "member": {"id": 42, "name": "An ESP"},
                        "classification": "A1",
                        "fingerprints": {"md5": "a" * 32, "pdq": ONE},
                    }
                ]
            },
            "A1",
            "An ESP",
        ),
        ([{"signal_type": "pdq", "signal_value": ONE, "tags": ["a", "b"]}], "a, b", ""),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_the_json_of_exchanges_is_read(document: Any, label: str, source: str, indent: int | None) -> None:
    assert read(json.dumps(document, indent=indent)) == [HashEntry(make_hash(1), label, source)]


def test_json_lines_are_one_record_each() -> None:
    text = "\n".join(json.dumps({"hash": hash, "distance": 5}) for hash in (ONE, TWO))

    assert read(text + "\n\n") == [HashEntry(make_hash(1), distance=5), HashEntry(make_hash(2), distance=5)]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"indicator": "a" * 32, "type": "HASH_MD5"}, "another kind of hash"),
        ({"hashValue": "a" * 32, "signalType": "VideoMD5"}, "another kind of hash"),
        ({"fingerprints": {"md5": "a" * 32}}, "another kind of hash"),
        ({"indicator": ONE, "type": "HASH_PDQ", "should_delete": True}, "withdrawn"),
        ({"hashValue": ONE, "signalType": "ImagePDQ", "hashStatus": "Withdrawn"}, "withdrawn"),
        ({"indicator": ONE, "type": "HASH_PDQ", "status": "NON_MALICIOUS"}, "withdrawn"),
        ({"hash": ONE, "quality": 49}, "quality under 50"),
    ],
)
def test_skipped_records_are_counted_by_reason(record: Mapping[str, Any], reason: str) -> None:
    entries = HashList.of(read(json.dumps([record, {"hash": TWO}])))

    assert len(entries) == 1
    assert entries.skipped == {reason: 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{ONE}\n{ONE[:-1]}", f"the list, line 2: {ONE[:-1]!r} is no PDQ hash, which has 64 hexadecimal digits"),
        (f"{ONE}\n{ONE}0", "the list, line 2: "),
        (ONE[:-1] + "g", f"the list, line 1: {ONE[:-1] + 'g'!r} is no PDQ hash"),
        (ONE[:-3] + "  1", "is no PDQ hash"),
        ("label,quality", "the list, line 1: 'label' is no PDQ hash"),
        ("hash,label\nspam", "the list, line 2: 1 columns where the header has 2"),
        (f"hash,distance\n{ONE},far", "the list, line 2: distance 'far' is no whole number from 0 to 80"),
        (f"hash,distance\n{ONE},81", "the list, line 2: distance '81'"),
        (f"{ONE},101", "the list, line 1: quality '101' is no whole number from 0 to 100"),
        ('{"hash": "', "the list, line 1: "),
        (f'{{"hash": "{ONE}"}}\n{{"hash": 5}}', "the list, line 2: '5' is no PDQ hash"),
        (f'{{"hash": "{ONE}"}}\n{{"hash": }}', "the list, line 2: "),
        ('[{"label": "spam"}]', "the list, entry 1: '' is no PDQ hash"),
        ("[null]", "the list, entry 1: '' is no PDQ hash"),
        ('{"data": {"indicator": 1}}', "the list, entry 1: '' is no PDQ hash"),
        (f"{ONE}\n\0", "the list, line 2"),
        (f'{ONE},"spam\n{TWO}\n', "the list, line 2: unexpected end of data"),
    ],
)
def test_the_error_names_list_line_and_value(text: str, message: str) -> None:
    with pytest.raises(HashListInvalid) as raised:
        read(text)

    assert message in str(raised.value)


def test_bytes_that_are_no_text_are_said() -> None:
    with pytest.raises(HashListInvalid, match=r"^the list: byte 2 is not UTF-8$"):
        list(parse_hash_list(b"ab\xff\xfe", "the list"))


def test_an_empty_list_has_no_entries() -> None:
    assert read("") == []
    assert read("\n\n") == []
    assert read("[]") == []
    assert read('{"data": []}') == []


@pytest.mark.parametrize(
    ("value", "entry"),
    [
        ("", HashEntry(make_hash(1))),
        ("spam", HashEntry(make_hash(1), "spam")),
        ('{"label":"spam","source":"us","distance":3}', HashEntry(make_hash(1), "spam", "us", 3)),
    ],
)
def test_a_value_beside_its_hash_is_a_label_or_json(value: str, entry: HashEntry) -> None:
    assert parse_redis_value(ONE, value, "the list") == entry


@given(st.text() | st.text(alphabet='{}[]",:\n\\0123456789abcdef'))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert is_read_or_refused(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.just(ONE),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["data", "hash", "type", "tags", "status", "fingerprints", "pdq", "quality", "owner"]),
                inner,
                max_size=5,
            )
        ),
    ).filter(lambda document: isinstance(document, list | dict))
)
def test_any_json_is_read_or_refused(document: Any) -> None:
    assert is_read_or_refused(json.dumps(document))


@pytest.mark.parametrize("depth", [10, 900, 5000])
def test_deeply_nested_json_is_read_or_refused(depth: int) -> None:
    assert is_read_or_refused(f'[{{"hash": "{ONE}", "tags": {"[" * depth}{"]" * depth}}}]')
