"""Values as they are written below and beside pictures."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def shown(value: Any, but: tuple[int, ...] | None = None) -> str:
    """A number with a true minus sign; a row in parentheses; a word or a truth value as it is.

    but : the entry of a row that a dot stands for.
    """
    if isinstance(value, bool | str):
        return str(value)
    if np.ndim(value):
        words = [shown(entry) for entry in np.asarray(value).tolist()]
        return f"({', '.join('·' if (k,) == but else word for k, word in enumerate(words))})"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    return (f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}").replace("-", "−")


def listed(values: Sequence[Any]) -> str:
    """Values one after another: 1, 2 and 4."""
    *first, last = map(shown, values)
    return f"{', '.join(first)} and {last}" if first else last
