"""Calls of a kind that was seen before, through the engine: nothing is decided anew but what the entries decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .engine import Call
from .quick import Results

Step = Callable[[Sequence[np.ndarray | None], tuple[float | int, ...]], Results]


def engine_step(call: Call, names: tuple[str, ...]) -> Step | None:
    """What evaluates further calls without weights whose arrays have the shapes, dtypes and flags of this one.

    For the calls that are not plain (`lossgen.runtime.plain`): arguments to be moved, staged or summed over.

    Args:
        call: one such call.
        names: the arguments whose gradients are wanted.

    Returns:
        A function of the arrays and of the parameters as the kernels take them. It gives the value as an array and the
        gradients. None if the call has weights, or may turn out to be the mean of nothing, whose value the caller decides.
    """
    plan, scaling, empty = call.plan, call.scaling, call.empty  # not the call itself: it holds arrays
    if not scaling.plain or plan.each is None or plan.division.items == 0:
        return None

    def step(arrays: Sequence[np.ndarray | None], parameters: tuple[float | int, ...]) -> Results:
        value, gradients = Call(plan, arrays, parameters, scaling, empty).evaluate(names)
        return np.asarray(value), gradients

    return step
