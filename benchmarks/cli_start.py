"""How long commands take: the help, a mistyped option, and the features of one image, each in a process of its own.

    python benchmarks/cli_start.py [IMAGE] [--runs 10] [--against COMMIT_OR_FOLDER]

Medians of the runs. `--against` runs the same commands from another commit or checkout, in turn with this one, so that
a machine whose speed drifts favours neither. Without IMAGE it takes a photograph that scikit-image brings along.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import skimage.data
from PIL import Image

ROOT = Path(__file__).parents[1]
PHOTOGRAPH = "coffee"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path, nargs="?")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--against")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        image = options.image.resolve() if options.image else write_photograph(Path(scratch) / "photo.png")
        trees = [ROOT, *([find_tree(options.against, Path(scratch))] if options.against else [])]
        commands = {
            "kernelsight --help": ["--help"],
            "kernelsight features --nope": ["features", str(image), "--nope"],
            "kernelsight features photo": ["features", str(image)],
        }
        for name, arguments in commands.items():
            print(f"{name:28s} {describe(measure(trees, arguments, options.runs))}", flush=True)


def measure(trees: list[Path], arguments: list[str], runs: int) -> list[float]:
    """Median seconds for each tree."""
    seconds: list[list[float]] = [[] for _ in trees]
    for _ in range(runs + 1):
        for tree, measured in zip(trees, seconds, strict=True):
            started = perf_counter()
            subprocess.run(
                [sys.executable, "-m", "service", *arguments],
                cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True, check=False,
            )  # fmt: skip
            measured.append(perf_counter() - started)
    return [median(measured[1:]) for measured in seconds]  # the first run reads files that the others find in memory


def describe(medians: list[float]) -> str:
    here, *others = medians
    return f"{here:6.2f} s" + "".join(f"   {other:6.2f} s there, {other / here:.1f} times as long" for other in others)


def find_tree(commit_or_folder: str, scratch: Path) -> Path:
    """The folder, or the commit's files in a folder of their own."""
    if Path(commit_or_folder).is_dir():
        return Path(commit_or_folder).resolve()
    archive = subprocess.run(["git", "archive", commit_or_folder], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(scratch / "tree", filter="data")
    return scratch / "tree"


def write_photograph(path: Path) -> Path:
    Image.fromarray(getattr(skimage.data, PHOTOGRAPH)()).save(path)
    return path


if __name__ == "__main__":
    main()
