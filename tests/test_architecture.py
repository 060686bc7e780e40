"""Rules about the whole tree that neither the linter nor the import contracts of pyproject.toml express."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("models", "pipelines", "service")


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def test_public_class_names_are_unique() -> None:
    places: dict[str, list[Path]] = defaultdict(list)
    for path, module in modules():
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)

    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)

    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_no_docstring_begins_with_what() -> None:
    definitions = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

    found = [
        f"{path}: {docstring.splitlines()[0]}"
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, definitions) and (docstring := ast.get_docstring(node) or "").startswith("What ")
    ]

    assert found == []


def test_the_top_level_of_service_stays_small() -> None:
    entries = [path.name for path in (ROOT / "service").iterdir() if path.name != "__pycache__"]

    assert len(entries) <= 25


@pytest.mark.parametrize("module", ["service.components", "service.worker.worker", "service.bulk.run", "service.cli"])
def test_fastapi_is_loaded_by_the_http_service_alone(module: str) -> None:
    code = f"import sys, {module}; print([name for name in ('fastapi', 'starlette') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
