"""Many calls of a loss, as `jax.vmap` makes them: one evaluation over all their items where that gives the same.

It does not where gradients are wanted of what the items of a call share, where a formula reads an item's number, and for
sequences one after another: such calls are made one by one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lossgen.runtime import Loss
from lossgen.runtime.folding import apart_by_call, moving_in_denominator

from .jax_answer import answer
from .jax_fold import fold
from .jax_task import GRADIENTS, PRODUCTS, VALUE, Task, names


def run(task: Task, loss: Loss, operands: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
    """Compute what the task asks for in all calls, into `results`.

    Raises:
        LossError: an argument holds something outside its domain.
    """
    lead, one = task.lead, replace(task, lead=0)
    calls = np.broadcast_shapes(*[x.shape[:lead] for x in operands])
    count = math.prod(calls)
    if not count:
        return
    common = [x.shape[:lead] == (1,) * lead for x in operands]
    given = [
        x.reshape(x.shape[lead:]) if same else np.broadcast_to(x, calls + x.shape[lead:]).reshape(-1, *x.shape[lead:])
        for x, same in zip(operands, common, strict=True)
    ]
    rows = [result.reshape(count, *result.shape[lead:]) for result in results]
    found = _together(one, loss, count, given, common) if count > 1 else None
    if found is not None:
        for row, entries in zip(rows, found, strict=True):
            np.copyto(row, entries, casting="same_kind")
        return
    for number in range(count):
        own = [x if same else x[number] for x, same in zip(given, common, strict=True)]
        call = one.bind(loss, own[one.leading :])
        for row, entries in zip(rows, answer(one, loss, call, own[: one.leading]), strict=True):
            row[number] = entries


def _together(
    task: Task, loss: Loss, count: int, given: Sequence[np.ndarray], common: Sequence[bool]
) -> Sequence[np.ndarray] | None:
    """What the task asks for in `count` calls; None if they have to be made one by one.

    Args:
        task: of one call.
        loss: the loss.
        count: how many calls there are.
        given: the arrays, with the calls in front unless `common`.
        common: for each array whether all calls share it.
    """
    own, same = given[task.leading :], common[task.leading :]
    single = task.bind(loss, [x if shared else x[0] for x, shared in zip(own, same, strict=True)])
    variant, known = single.plan.variant, names(loss)
    if not apart_by_call(variant, (*task.wanted, *task.moving)):
        return None
    if task.wanted and moving_in_denominator(variant).intersection(known[place] for place in task.wanted):
        return None
    folded = fold(task, loss, count, single, own, same)
    if folded is None:
        return None
    before = [
        np.broadcast_to(x, (count, *x.shape)) if shared else x
        for x, shared in zip(given[: task.leading], common[: task.leading], strict=True)
    ]
    if task.per_item:
        return answer(task, loss, folded.call, before)
    if task.kind == PRODUCTS:
        return answer(task, loss, folded.call, [folded.upstream, *before])
    values = folded.values(math.nan if task.empty is None else task.empty)
    slopes = answer(replace(task, kind=GRADIENTS), loss, folded.call, [folded.upstream]) if task.wanted else ()
    assert task.kind == VALUE, "the others have a value for each item"
    return values, *slopes
