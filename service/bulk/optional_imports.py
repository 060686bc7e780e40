"""Imports libraries of optional extras when a bulk run needs them."""

from importlib import import_module
from typing import Any

from service.bulk.errors import ExtraMissing


def load_parquet() -> tuple[Any, Any]:
    """`pyarrow` and `pyarrow.parquet`; raises ExtraMissing."""
    return _load("pyarrow", "Parquet", "batch"), _load("pyarrow.parquet", "Parquet", "batch")


def load_ray() -> Any:
    """Raises ExtraMissing."""
    _load("ray.data", "--engine ray", "ray")
    return _load("ray", "--engine ray", "ray")


def _load(module: str, what: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as cause:
        raise ExtraMissing(what, extra) from cause
