"""What a problem is given, as it is computed with."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_float(value: Any) -> np.ndarray | None:
    """An array; numbers that are not whole are in double precision, as the variables are."""
    if value is None:
        return None
    array = np.asarray(value)
    return array.astype(float, copy=False) if array.dtype.kind == "f" else array


def as_operator(through: Any) -> Any:
    """The matrix as an array, if it is a list; what knows matrix products itself is left as it is."""
    return through if through is None or hasattr(through, "__matmul__") else np.asarray(through, float)
