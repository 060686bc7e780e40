"""Compares the scores of words with how often they are right, and fits them, on labelled pages.

    python -m benchmarks.word_scores FOLDER [FOLDER ...] [--most 40]

FOLDER/gt.jsonl has a line for each page: {"file": "a.png", "source": "receipts", "lines": [{"text": "Total 12.40",
"box": [x0, y0, x1, y1]}, ...], "ocr_ignore": [boxes], "ocr_mode": "full"}; `source` groups pages that are alike, and of
each at most `--most` pages are read. A word is right if it stands in the lines that it overlaps, letter by letter,
without a letter before or after it; case and outer punctuation do not count. Words where no line is labelled are left
out, and so are pages that are not labelled in full.

Printed are the scores in use, by source and in ten bins, then the weights for `pipelines/documents/ocr/word_scores.py`,
and the scores that each source gets from a fit on all others.
"""

import argparse
import asyncio
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.documents_peers import open_reader
from models.runtime.runtime import Runtime
from models.store.store import Store
from pipelines.boxes import Box, intersection_area
from pipelines.cpu_pool import CpuPool
from pipelines.documents.coordinates import CoordinateMapper
from pipelines.documents.ocr.reader import OcrReader
from pipelines.documents.ocr.word_scores import WordEvidence
from pipelines.documents.stages import TextWord
from pipelines.image.decode import ImageLimits, decode
from pipelines.run_context import RunContext
from service.settings import load_settings

HIGH = 0.95
BINS = 10
PLAIN = str.maketrans("’‘“”–—−‐‑", "''\"\"-----")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledWord:
    source: str
    score: float
    evidence: WordEvidence
    is_right: bool


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=40)
    options = parser.parse_args()
    store, pool = Store(load_settings().models.store.expanduser()), CpuPool()
    runtime = Runtime(store, device="cpu")
    words: list[LabelledWord] = []
    try:
        reader = await open_reader(store, runtime, pool)
        for path, page in list_pages(options.folders, options.most):
            words += await read_page(reader, path, page)
    finally:
        await runtime.close()
        pool.close()
    report(words)


def list_pages(folders: Sequence[Path], most: int) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    counts: Counter[str] = Counter()
    for folder in folders:
        for row in map(json.loads, (folder / "gt.jsonl").read_text().splitlines()):
            is_complete = row.get("lines") and row.get("ocr_mode", "full") == "full"
            counts[row["source"]] += bool(is_complete)
            if is_complete and counts[row["source"]] <= most:
                yield folder / row["file"], row


async def read_page(reader: OcrReader, path: Path, page: Mapping[str, Any]) -> list[LabelledWord]:
    pixels, context = np.asarray(decode(path.read_bytes(), limits=ImageLimits()).pixels), RunContext()
    located = await reader.locate(pixels, await reader.detector.find_lines(pixels, context), context)
    found = await reader.read_lines(located, located.boxes, context)
    text = located.with_lines(found)
    mapper = CoordinateMapper.of(text, pixels.shape[1], pixels.shape[0])
    evidence = [one.evidence for one in found if one.line]
    words: list[LabelledWord] = []
    for line, signs in zip(text.lines, evidence, strict=True):
        placed = mapper.map_text_line(line).words
        labels = label_words(placed, page["lines"], page.get("ocr_ignore") or ())
        words += [
            LabelledWord(page["source"], word.score, sign, label)
            for word, sign, label in zip(placed, signs, labels, strict=True)
            if label is not None
        ]
    return words


def label_words(
    words: Sequence[TextWord], lines: Sequence[Mapping[str, Any]], ignored: Sequence[Box]
) -> list[bool | None]:
    """Whether each word of a line is right; None where that cannot be known."""
    own = (*np.min([word.box[:2] for word in words], axis=0), *np.max([word.box[2:] for word in words], axis=0))
    true = sorted((line for line in lines if _is_same_line(own, line["box"])), key=lambda line: line["box"][0])
    letters, starts = _split(" ".join(line["text"] for line in true))
    read = [_strip("".join(_simplify(word.text).split())) for word in words]
    matcher = SequenceMatcher(None, "".join(read), letters, autojunk=False)
    places = {block.a + at: block.b + at for block in matcher.get_matching_blocks() for at in range(block.size)}
    labels: list[bool | None] = []
    first = 0
    for word, text in zip(words, read, strict=True):
        place = [places.get(at) for at in range(first, first + len(text))]
        first += len(text)
        is_known = bool(text) and bool(true) and not any(_is_inside(word.box, box) for box in ignored)
        labels.append(_is_whole(place, letters, starts, set(places.values())) if is_known else None)
    return labels


def _is_whole(place: Sequence[int | None], letters: str, starts: set[int], matched: set[int]) -> bool:
    """Whether a word's letters stand side by side in the truth, without an unread one before or behind them."""
    if None in place or any(right != left + 1 for left, right in pairwise(map(int, place))):  # type: ignore[arg-type]
        return False
    begin, end = int(place[0] or 0), int(place[-1] or 0) + 1
    is_begun = begin in starts or begin - 1 in matched or not letters[begin - 1].isalnum()
    return is_begun and (end >= len(letters) or end in starts or end in matched or not letters[end].isalnum())


def _split(text: str) -> tuple[str, set[int]]:
    """The characters without spaces, and those at which words begin."""
    words = _simplify(text).split()
    return "".join(words), set(np.cumsum([0, *map(len, words)]).tolist())


def _simplify(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().translate(PLAIN)


def _strip(word: str) -> str:
    kept = [at for at, one in enumerate(word) if one.isalnum()]
    return word[kept[0] : kept[-1] + 1] if kept else ""


def _is_same_line(own: Sequence[float], box: Sequence[float]) -> bool:
    height, other = own[3] - own[1], box[3] - box[1]
    shared = min(own[3], box[3]) - max(own[1], box[1])
    is_beside = min(own[2], box[2]) > max(own[0], box[0]) and shared > min(height, other) / 2
    return is_beside and max(height, other) < 2.5 * min(height, other)


def _is_inside(box: Box, other: Box) -> bool:
    return intersection_area(box, other) > (box[2] - box[0]) * (box[3] - box[1]) / 2


def report(words: Sequence[LabelledWord]) -> None:
    sources = np.array([word.source for word in words])
    scores, right = np.array([word.score for word in words]), np.array([float(word.is_right) for word in words])
    print_reliability(scores, right)
    columns = np.array([astuple(word.evidence) for word in words])
    bias, weights = fit(columns, right)
    names = [one.name for one in fields(WordEvidence)]
    print("bias", round(bias, 2), *(f"{name}={weight:.2f}" for name, weight in zip(names, weights, strict=True)))
    fitted = np.zeros(len(words))
    for source in sorted(set(sources)):
        own = sources == source
        bias, weights = fit(columns[~own], right[~own])
        fitted[own] = _sigmoid(bias + columns[own] @ weights)
        print_summary(source, scores[own], right[own])
    print_summary("all, in use", scores, right)
    print_summary("all, fitted on other sources", fitted, right)


def print_reliability(scores: Floats, right: Floats) -> None:
    print("score      words  mean score  right")
    bins = _number_bins(scores)
    for one in sorted(set(bins.tolist())):
        own = bins == one
        means = f"{scores[own].mean():10.3f}  {right[own].mean():.3f}"
        print(f"{one / BINS:.1f}–{(one + 1) / BINS:.1f}  {own.sum():7d}  {means}")


def print_summary(name: str, scores: Floats, right: Floats) -> None:
    high = scores >= HIGH
    wrong = 1 - right[high].mean() if high.any() else 0.0
    error = measure_calibration_error(scores, right)
    print(f"{name:32} {len(right):6d} words, {right.mean():.3f} right; calibration error {error:.3f}; ", end="")
    print(f"{high.mean():.3f} at {HIGH} or more, {wrong:.4f} of them wrong")


def measure_calibration_error(scores: Floats, right: Floats) -> float:
    """The expected calibration error: of ten bins, the mean distance between score and outcome, weighted by words."""
    bins = _number_bins(scores)
    parts = [bins == one for one in set(bins.tolist())]
    return float(sum(abs(scores[own].mean() - right[own].mean()) * own.mean() for own in parts))


def _number_bins(scores: Floats) -> NDArray[np.int64]:
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


def fit(columns: Floats, right: Floats) -> tuple[float, Floats]:
    """Bias and weights of a logistic regression, by Newton's method with a slight L2 penalty on scaled columns."""
    mean, scale = columns.mean(axis=0), columns.std(axis=0) + 1e-9
    design = np.column_stack([np.ones(len(columns)), (columns - mean) / scale])
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        odds = _sigmoid(design @ weights)
        curvature = design.T @ (design * np.maximum(odds * (1 - odds), 1e-6)[:, None]) + np.eye(len(weights))
        weights += np.linalg.solve(curvature, design.T @ (right - odds) - weights)
    slopes = weights[1:] / scale
    return float(weights[0] - slopes @ mean), slopes


def _sigmoid(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-values))


if __name__ == "__main__":
    asyncio.run(main())
