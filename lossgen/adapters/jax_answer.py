"""What the engine computes for a task, from a prepared call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lossgen.runtime import Call, Loss, derivatives

from .jax_task import GRADIENTS, SLOPES, VALUE, Task, names


def answer(task: Task, loss: Loss, call: Call, before: Sequence[np.ndarray], upstream: float = 1.0) -> Sequence:
    """The arrays that the task asks for.

    Args:
        task: what to compute.
        loss: the loss.
        call: its prepared call.
        before: what comes before the loss's arrays: the upstream gradient of the items, directions.
        upstream: the upstream gradient, where it is one number.
    """
    known = names(loss)
    wanted = tuple([known[place] for place in task.wanted])
    if task.kind == VALUE:
        value, found = derivatives.evaluate(call, wanted, upstream)
        return value, *found
    if task.kind == GRADIENTS:
        return derivatives.gradients(call, wanted, before[0])
    directions = dict(zip([known[place] for place in task.moving], before[-len(task.moving) :], strict=True))
    if task.kind == SLOPES:
        return (derivatives.products(call, directions, (), 1.0, True)[0],)
    factor = before[0] if len(before) > len(directions) else upstream
    return derivatives.products(call, directions, wanted, factor, False)[1]
