"""PyTorch's older spelling of `reduction`."""

from __future__ import annotations

import warnings


def legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """The reduction that PyTorch's deprecated booleans stand for, of which at least one is given.

    Args:
        size_average: True or None: the mean, False: the sum.
        reduce: False: no reduction, whatever `size_average` says.

    Warns:
        UserWarning: as PyTorch does.
    """
    averaged = size_average is None or size_average
    found = "none" if reduce is not None and not reduce else "mean" if averaged else "sum"
    words = f"size_average and reduce args will be deprecated, please use reduction={found!r} instead."
    warnings.warn(words, UserWarning, stacklevel=3)
    return found
