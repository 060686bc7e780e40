"""Training pictures, reduced to what the head sees of them: embedding and measures, with kind and sort."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.kinds import draw_art, draw_blank, draw_captions, draw_charts, draw_maps, draw_pages, draw_screens
from benchmarks.kinds.augment import pass_on
from benchmarks.kinds.dice import Dice
from benchmarks.kinds.photographs import sort_photographs
from benchmarks.kinds.stock import Sort, Sorts, Stock
from models.manifest import InputContract
from models.runtime.backends.onnxruntime import OnnxRuntimeSession
from pipelines.captioning.kinds.measures import measure_pixels
from pipelines.image.preprocess import crop_centre
from pipelines.types import PICTURE_KINDS

SEED = 7
ROUND = 20  # pictures of each kind that are drawn and stored together: an interrupted run goes on where it was


@dataclass(frozen=True)
class Examples:
    """`embeddings` (N, C) and `measures` (N, M) of pictures, float32; `kinds` (N,) indexes PICTURE_KINDS."""

    embeddings: NDArray[np.float32]
    measures: NDArray[np.float32]
    kinds: NDArray[np.int64]
    sorts: NDArray[np.str_]  # "photo: tabler-ui@0.0.34", "map: streets"

    @classmethod
    def join(cls, parts: list["Examples"]) -> "Examples":
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    @classmethod
    def read(cls, path: Path) -> "Examples":
        with np.load(path) as arrays:
            return cls(**arrays)

    def write(self, path: Path) -> None:
        beside = path.with_suffix(".new.npz")
        np.savez(beside, **{name: getattr(self, name) for name in self.__dataclass_fields__})
        beside.rename(path)


def make_examples(stock: Stock, graph: Path, contract: InputContract, per_kind: int, kept: Path) -> Examples:
    """Draw `per_kind` pictures of each kind on all cores; rounds that `kept` has are not drawn again."""
    kept.mkdir(parents=True, exist_ok=True)
    paths = [kept / f"{first:05}.npz" for first in range(0, per_kind, ROUND)]
    missing = [path for path in paths if not path.exists()]
    setting = stock, graph, contract
    with multiprocessing.get_context("fork").Pool(initializer=_open_worker, initargs=setting) as workers:
        for path in workers.imap_unordered(_draw_round, missing):
            print(f"drew {path.name}", flush=True)
    return Examples.join([Examples.read(path) for path in paths])


_worker: tuple[Stock, OnnxRuntimeSession, InputContract]


def _open_worker(stock: Stock, graph: Path, contract: InputContract) -> None:
    global _worker
    cv2.setNumThreads(1)
    _worker = stock, OnnxRuntimeSession(graph, device="cpu"), contract


def _draw_round(path: Path) -> Path:
    stock, session, contract = _worker
    rows = []
    for kind, sort, draw, dice in _deal(stock, int(path.stem)):
        picture = pass_on(draw(stock, dice), dice)
        outputs = session.run({contract.name: crop_centre(picture, contract)[None]})
        rows.append((outputs["embedding"][0], measure_pixels(picture), kind, sort))
    embeddings, measures, kinds, sorts = (np.array(column) for column in zip(*rows, strict=True))
    Examples(embeddings, measures, kinds, sorts).write(path)
    return path


def _deal(stock: Stock, first: int) -> Iterator[tuple[int, str, Sort, Dice]]:
    """ROUND pictures of each kind: its sorts take turns, each as often as it is weighted."""
    for kind, name in enumerate(PICTURE_KINDS):
        sorts = list_sorts(stock)[name]
        turns = [sort for sort, (weight, _) in sorts.items() for _ in range(weight)]
        for index in range(first, first + ROUND):
            sort = turns[index % len(turns)]
            yield kind, f"{name}: {sort}", sorts[sort][1], Dice((SEED, kind, index))


def list_sorts(stock: Stock) -> dict[str, Sorts]:
    """The sorts of each kind."""
    return {
        "photo": sort_photographs(stock),
        "screenshot": draw_screens.SORTS,
        "document": draw_pages.SORTS,
        "chart": draw_charts.SORTS,
        "drawing": draw_art.SORTS,
        "meme": draw_captions.SORTS,
        "map": draw_maps.SORTS,
        "blank": draw_blank.SORTS,
    }
