"""Values as they are written below and beside pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def shown(value: Any) -> str:
    """A number with a true minus sign; a row in parentheses; a word or a truth value as it is."""
    if isinstance(value, bool | str):
        return str(value)
    if np.ndim(value):
        return f"({', '.join(map(shown, np.asarray(value).tolist()))})"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.3g}".replace("-", "−")


def listed(values: Sequence[Any]) -> str:
    """Values one after another: 1, 2 and 4."""
    *first, last = map(shown, values)
    return f"{', '.join(first)} and {last}" if first else last
