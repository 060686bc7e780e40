"""`kernelsight documents`: what is wrong usage."""

from pathlib import Path

import pytest

from tests.serving import run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--format", "pdf"), "give a folder"),
        (("--draw",), "give a folder"),
        (("--pages", "one"), "--pages"),
        (("--dpi", "1000"), "--dpi"),
        (("--ocr", "perhaps"), "--ocr"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_opened(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    done = run("documents", str(tmp_path / "missing.pdf"), *options)

    assert (done.returncode, words in done.stderr) == (2, True)
