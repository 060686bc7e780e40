"""Trained data by script, and the letters of a script."""

from pipelines.documents.ocr.scripts import NO_READERS, Alphabet, group_by_script

CYRILLIC = Alphabet("Cyrillic", "CYRILLIC", ("rus",))


def test_languages_of_one_script_are_read_together() -> None:
    assert group_by_script({"eng", "rus", "ukr", "ell"}) == (
        Alphabet("Cyrillic", "CYRILLIC", ("rus", "ukr")),
        Alphabet("Greek", "GREEK", ("ell",)),
    )


def test_data_of_a_script_take_the_place_of_its_languages() -> None:
    assert group_by_script({"Cyrillic", "rus", "ukr"}) == (Alphabet("Cyrillic", "CYRILLIC", ("Cyrillic",)),)


def test_what_the_first_reader_covers_needs_no_second() -> None:
    assert group_by_script({"eng", "deu", "chi_sim", "jpn", *NO_READERS}) == ()


def test_numbers_and_names_do_not_count_against_a_script() -> None:
    assert CYRILLIC.share_of("18 450,00 руб.") == 1.0
    assert CYRILLIC.share_of("Total 18 450,00") == 0.0
    assert CYRILLIC.share_of("18 450,00") == 0.0
