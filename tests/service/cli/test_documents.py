"""`kernelsight documents`: wrong usage."""

from pathlib import Path

import pytest

from tests.serving import run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--format", "pdf"), "give a folder"),
        (("--draw",), "give a folder"),
        (("--pages", "one"), "--pages"),
        (("--dpi", "1000"), "--dpi"),
        (("--ocr", "perhaps"), "--ocr"),
    ],
)
def test_wrong_usage_is_refused_before_files_are_opened(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    done = run("documents", str(tmp_path / "missing.pdf"), *options)

    assert message in done.stderr
    assert done.returncode == 2
