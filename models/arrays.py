"""The array type that models take and return."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]  # of many dtypes
