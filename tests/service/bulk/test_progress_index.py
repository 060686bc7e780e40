"""Which items have their rows already."""

from service.bulk.items import Item
from service.bulk.progress_index import Done


def test_an_item_is_done_as_often_as_it_has_rows() -> None:
    with Done() as done:
        done.add([("a", "a.jpg"), ("a", "a.jpg"), ("b", "b.jpg")])

        found = [done.take(Item(id, source)) for id, source in [("a", "a.jpg")] * 3 + [("b", "b.jpg"), ("b", "c.jpg")]]

    assert found == [True, True, False, True, False]


def test_id_and_source_do_not_run_into_each_other() -> None:
    assert Item("ab", "c").key != Item("a", "bc").key


def test_names_that_are_no_utf_8_are_found_by_what_their_rows_say() -> None:
    with Done() as done:
        done.add([("\\xff", "\\xff")])

        assert done.take(Item("\udcff", "\udcff"))
