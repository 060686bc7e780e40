"""hOCR: well-formed XHTML with boxes and confidences."""

import re
from xml.etree import ElementTree

from pipelines.documents.outputs.hocr import to_hocr
from tests.pipelines.documents.outputs.sample_documents import make_document, make_page, make_region

XHTML = "{http://www.w3.org/1999/xhtml}"
TWO_PAGES = make_document(
    make_page(make_region("title", 'A <b>bold</b> & "quoted" \x00\x0b title\ufffe')), make_page(number=2)
)


def find_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def test_any_text_is_well_formed() -> None:
    root = ElementTree.fromstring(to_hocr(TWO_PAGES, title="a < b.pdf"))

    assert root.tag == f"{XHTML}html"
    assert root.findtext(f"{XHTML}head/{XHTML}title") == "a < b.pdf"
    assert "".join(find_class(root, "ocr_line")[0].itertext()) == 'A <b>bold</b> & "quoted" title'


def test_it_names_its_system_and_capabilities() -> None:
    root = ElementTree.fromstring(to_hocr(TWO_PAGES))

    metas = {meta.get("name"): meta.get("content") for meta in root.iter(f"{XHTML}meta")}
    assert metas["ocr-system"] == "kernelsight"
    assert metas["ocr-capabilities"] == "ocr_page ocr_carea ocr_par ocr_line ocrx_word"


def test_nested_elements_have_boxes() -> None:
    root = ElementTree.fromstring(to_hocr(TWO_PAGES))

    pages = find_class(root, "ocr_page")
    assert [one.get("title") for one in pages] == [
        "bbox 0 0 1000 1400; ppageno 0; scan_res 150 150", "bbox 0 0 1000 1400; ppageno 1; scan_res 150 150",
    ]  # fmt: skip
    [area] = find_class(pages[0], "ocr_carea")
    [line] = find_class(area, "ocr_line")
    assert len(find_class(line, "ocrx_word")) == 5
    for element in [area, line, *find_class(line, "ocrx_word")]:
        assert re.match(r"bbox \d+ \d+ \d+ \d+", element.get("title", ""))


def test_words_have_their_confidence_in_percent() -> None:
    word = find_class(ElementTree.fromstring(to_hocr(TWO_PAGES)), "ocrx_word")[0]

    assert word.get("title", "").endswith("; x_wconf 90")


def test_ids_are_unique() -> None:
    ids = re.findall(
        r' id="([^"]+)"', to_hocr(make_document(make_page(make_region("text", "a b", "c")), make_page(number=2)))
    )

    assert len(ids) == len(set(ids)) == 9
