"""Which items have rows already."""

from service.bulk.items import BulkItem
from service.bulk.progress_index import ProgressIndex


def test_an_item_is_taken_as_often_as_it_has_rows() -> None:
    with ProgressIndex() as index:
        index.add_rows([("a", "a.jpg"), ("a", "a.jpg"), ("b", "b.jpg")])

        found = [
            index.take(BulkItem(id, source)) for id, source in [("a", "a.jpg")] * 3 + [("b", "b.jpg"), ("b", "c.jpg")]
        ]

    assert found == [True, True, False, True, False]


def test_keys_separate_id_and_source() -> None:
    assert BulkItem("ab", "c").key != BulkItem("a", "bc").key


def test_names_that_are_not_utf_8_match_their_rows() -> None:
    with ProgressIndex() as index:
        index.add_rows([("\\xff", "\\xff")])

        assert index.take(BulkItem("\udcff", "\udcff"))
