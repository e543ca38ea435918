"""How JAX differentiates a loss's primitives.

A value that is one number has its gradients computed with it as soon as they are wanted, so that its derivative is a sum of
products, which JAX transposes by itself. All else is linear in the arrays that come before the loss's, and has one of the
other kinds as its transpose: slopes have gradients, gradients have slopes, and the Hessian has itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from jax.interpreters import ad

from lossgen.runtime import LossError
from lossgen.runtime.loss import find_loss

from .jax_library import jax
from .jax_primitives import PRIMITIVES, evaluate
from .jax_task import GRADIENTS, PRODUCTS, SLOPES, VALUE, Task, form, names

Array = jax.Array
__all__ = ["evaluate"]


def _moving(places: Sequence[int], tangents: Sequence) -> dict[int, Array]:
    """The tangents that are not 0, by place."""
    pairs = zip(places, tangents, strict=True)
    return {p: t for p, t in pairs if type(t) is not ad.Zero and t.dtype != jax.dtypes.float0}


def _check_constant(task: Task, arrays: Sequence[Array], moving: Sequence[int]) -> None:
    """Raise LossError if an argument at one of these places, which is differentiated, has no gradient."""
    variant = form(task, tuple([(x.shape, x.dtype) for x in arrays])).variant
    loss = find_loss(task.location)
    for name in [names(loss)[place] for place in moving]:
        if name not in variant.differentiable:
            words = f"{name} is differentiated, expected a constant: pass jax.lax.stop_gradient({name})"
            raise LossError(f"{loss.name}: {words}")


def _value_jvp(arrays: Sequence[Array], tangents: Sequence, *, task: Task) -> tuple[list[Array], list]:
    moving = _moving(task.places, tangents)
    _check_constant(task, arrays, moving)
    if task.per_item:
        value = evaluate(task, *arrays)
        return value, evaluate(task.ask(SLOPES, moving=moving), *moving.values(), *arrays)
    wide = task.ask(VALUE, wanted={*task.wanted, *moving})
    value, *found = evaluate(wide, *arrays)
    slopes = dict(zip(wide.wanted, found, strict=True))
    calls = tuple(range(task.lead))
    along = [(slopes[p] * t).sum([d for d in range(slopes[p].ndim) if d not in calls]) for p, t in moving.items()]
    turned = evaluate(task.ask(PRODUCTS, task.wanted, moving), *moving.values(), *arrays) if task.wanted else []
    slope = sum(along[1:], along[0]).astype(value.dtype)
    return [value, *[slopes[p] for p in task.wanted]], [slope, *turned]


def _linear_jvp(operands: Sequence[Array], tangents: Sequence, *, task: Task) -> tuple[list[Array], list]:
    """Of what is linear in the arrays before the loss's: upstream gradients and directions."""
    leading = task.leading
    before, arrays = operands[:leading], operands[leading:]
    bends = _moving(task.places, tangents[leading:])
    parts = []
    if bends:
        parts.append(evaluate(_bent(task, arrays, bends), before[0], *bends.values(), *arrays))
    first = leading - len(task.moving)
    if first and type(tangents[0]) is not ad.Zero:
        parts.append(evaluate(task, tangents[0], *before[1:], *arrays))
    moving = _moving(task.moving, tangents[first:leading])
    if moving:
        parts.append(evaluate(task.ask(task.kind, task.wanted, moving), *before[:first], *moving.values(), *arrays))
    summed = [sum(entries[1:], entries[0]) for entries in zip(*parts, strict=True)]
    return evaluate(task, *operands), summed


def _bent(task: Task, arrays: Sequence[Array], moving: Sequence[int]) -> Task:
    """What gradients change by when the loss's arrays do; LossError for anything else."""
    _check_constant(task, arrays, moving)
    loss = find_loss(task.location).name
    if task.kind == SLOPES:
        words = "forward mode over forward mode is not available with reduction='none', expected jax.jacfwd(jax.jacrev(...))"
        raise LossError(f"{loss}: {words}")
    if task.kind == PRODUCTS:
        words = "the third derivative is not available, expected at most two; use jax.lax.stop_gradient"
        raise LossError(f"{loss}: {words}")
    return task.ask(PRODUCTS, task.wanted, moving)


def _transpose(cotangents: Sequence, *operands, task: Task) -> list:
    """The transposed map, by the operands that are unknown."""
    leading = task.leading
    before, arrays = operands[:leading], operands[leading:]
    along = {} if task.kind == SLOPES else _moving(task.wanted, cotangents)
    if task.kind == SLOPES:
        found = evaluate(task.ask(GRADIENTS, wanted=task.moving), cotangents[0], *arrays)
    elif task.kind == GRADIENTS:
        found = evaluate(task.ask(SLOPES, moving=along), *along.values(), *arrays)
    else:
        if len(before) > len(task.moving) and ad.is_undefined_primal(before[0]):
            loss = find_loss(task.location).name
            words = "the product of the Hessian cannot be differentiated for what multiplies the items' values"
            raise LossError(f"{loss}: {words}; multiply after reduction='sum'")
        weighing = before[: len(before) - len(task.moving)]
        found = evaluate(task.ask(PRODUCTS, task.moving, along), *weighing, *along.values(), *arrays)
        found = [*[None] * len(weighing), *found]
    fitted = [_fit(x, like) for x, like in zip(found, before, strict=True)]
    return [*fitted, *[None] * len(arrays)]


def _fit(found: Array | None, like) -> Array | None:
    """A cotangent summed over the calls that share its operand."""
    if found is None or not ad.is_undefined_primal(like):
        return None
    shape = like.aval.shape
    over = [d for d, (n, size) in enumerate(zip(found.shape, shape, strict=True)) if size == 1 and n != 1]
    return found.sum(over, keepdims=True) if over else found


for _kind, _primitive in PRIMITIVES.items():
    ad.primitive_jvps[_primitive] = _value_jvp if _kind == VALUE else _linear_jvp
    if _kind != VALUE:
        ad.primitive_transposes[_primitive] = _transpose
