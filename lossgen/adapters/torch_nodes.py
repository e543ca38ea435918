"""A loss as functions that PyTorch can transform: derivatives of derivatives, forward mode, batches of calls.

Each node takes the task, then tensors alone. They are used wherever a function transform or a tracer is active, and for
the gradient's own derivative; `torch_autograd` has the short way for everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lossgen.runtime import LossError

from . import torch_batch, torch_op
from .torch_library import torch
from .torch_task import Task

Tensor = torch.Tensor
Context = Any


class Value(torch.autograd.Function):
    """(task, *tensors) -> the value, then the gradients that the task wants, as constants for the backward pass."""

    @staticmethod
    def forward(task: Task, *tensors: Tensor) -> tuple[Tensor, ...]:
        if task.traced:
            with torch._C._AutoDispatchBelowAutograd():
                return tuple(torch_op.evaluate(list(tensors), *torch_op.written_task(task)))
        return tuple(task.evaluate(tensors))

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple, output: tuple[Tensor, ...]) -> None:
        task, *tensors = inputs
        _keep(ctx, task, (*tensors, *output[1:]))
        task.check_constant(_moving(task, ctx.needs_input_grad[1:]), tensors)
        ctx.mark_non_differentiable(*output[1:])

    @staticmethod
    def backward(ctx: Context, upstream: Tensor | None, *_: Tensor | None):
        task, saved = ctx.task, ctx.saved_tensors
        moving = _moving(task, ctx.needs_input_grad[1:])
        if upstream is None or not moving:
            return None, *[None] * len(task.places)
        tensors, ready = saved[: len(task.places)], saved[len(task.places) :]
        if torch.is_grad_enabled() or tuple(moving) != task.wanted:
            found = Gradients.apply(task.wanting(moving), upstream, *tensors)
        else:
            found = [gradient * upstream.to(gradient.dtype) for gradient in ready]
        return None, *_spread(task, moving, found)

    @staticmethod
    def jvp(ctx: Context, _: None, *tangents: Tensor | None):
        task, tensors = ctx.task, ctx.saved_tensors[: len(ctx.task.places)]
        moving, directions = _directions(task, tangents)
        task.check_constant(moving, tensors)
        slope = Slope.apply(task.wanting(moving), *directions, *tensors)
        return slope, *[None] * len(task.wanted)

    @staticmethod
    def vmap(info, in_dims: tuple, task: Task, *tensors: Tensor):
        functions = Value.apply, Gradients.apply, Normalisers.apply
        return torch_batch.value(functions, info.batch_size, in_dims[1:], task, tensors)


class Gradients(torch.autograd.Function):
    """(task, upstream, *tensors) -> the gradients that the task wants."""

    @staticmethod
    def forward(task: Task, upstream: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        if task.traced:
            with torch._C._AutoDispatchBelowAutograd():
                return tuple(torch_op.gradients(upstream, list(tensors), *torch_op.written_task(task)))
        return tuple(task.gradients(upstream, tensors))

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple, output: tuple[Tensor, ...]) -> None:
        task, *tensors = inputs
        _keep(ctx, task, tensors)

    @staticmethod
    def backward(ctx: Context, *upstream: Tensor | None):
        task, (outer, *tensors) = ctx.task, ctx.saved_tensors
        directions = {p: d for p, d in zip(task.wanted, upstream, strict=True) if d is not None}
        moving = _moving(task, ctx.needs_input_grad[2:])
        if not directions:
            return None, None, *[None] * len(tensors)
        mixed = task.wanting(moving)
        given = tuple(directions), ctx.needs_input_grad[1]
        slope, *found = _with_slope(given, Products.apply(mixed, *given, outer, *directions.values(), *tensors))
        return None, slope, *_spread(task, moving, found)

    @staticmethod
    def jvp(ctx: Context, _: None, faster: Tensor | None, *tangents: Tensor | None):
        task, (outer, *tensors) = ctx.task, ctx.saved_tensors
        moving, directions = _directions(task, tangents)
        task.check_constant(moving, tensors)
        parts = []
        if moving:
            parts.append(Products.apply(task, tuple(moving), False, outer, *directions, *tensors))
        if faster is not None:
            parts.append(Gradients.apply(task, faster, *tensors))
        return tuple(sum(entries[1:], entries[0]) for entries in zip(*parts, strict=True))

    @staticmethod
    def vmap(info, in_dims: tuple, task: Task, upstream: Tensor, *tensors: Tensor):
        functions = Gradients.apply, Normalisers.apply
        return torch_batch.gradients(functions, info.batch_size, in_dims[1:], task, (upstream, *tensors))


class Products(torch.autograd.Function):
    """(task, places of the directions, slope wanted, upstream, *directions, *tensors) -> the slope, the products."""

    @staticmethod
    def forward(task: Task, moving: tuple[int, ...], slope: bool, upstream: Tensor, *rest: Tensor):
        directions, tensors = rest[: len(moving)], rest[len(moving) :]
        if task.traced:
            with torch._C._AutoDispatchBelowAutograd():
                call = torch_op.written_task(task)
                return tuple(torch_op.products(upstream, list(directions), list(moving), slope, list(tensors), *call))
        return tuple(task.products(upstream, tensors, dict(zip(moving, directions, strict=True)), slope))

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple, output: tuple[Tensor, ...]) -> None:
        ctx.task = inputs[0]

    @staticmethod
    def backward(ctx: Context, *_: Tensor | None):
        raise _third(ctx.task)

    @staticmethod
    def jvp(ctx: Context, *_: Tensor | None):
        raise _third(ctx.task)

    @staticmethod
    def vmap(info, in_dims: tuple, task: Task, moving: tuple[int, ...], slope: bool, *tensors: Tensor):
        functions = Products.apply, Normalisers.apply
        return torch_batch.products(functions, info.batch_size, in_dims[3:], (task, moving, slope), tensors)


class Slope(torch.autograd.Function):
    """(task, *directions, *tensors) -> the slope of the value; the directions are for what the task wants."""

    @staticmethod
    def forward(task: Task, *rest: Tensor) -> Tensor:
        return Products.forward(task.wanting(()), task.wanted, True, torch.ones(()), *rest)[0]

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple, output: Tensor) -> None:
        _keep(ctx, inputs[0], inputs[1:])

    @staticmethod
    def backward(ctx: Context, upstream: Tensor | None):
        task, saved = ctx.task, ctx.saved_tensors
        directions, tensors = saved[: len(task.wanted)], saved[len(task.wanted) :]
        if upstream is None:
            return None, *[None] * len(saved)
        moving = _moving(task, ctx.needs_input_grad[1 + len(directions) :])
        through = [None] * len(directions)
        if any(ctx.needs_input_grad[1 : 1 + len(directions)]):
            through = Gradients.apply(task, upstream, *tensors)
        found = Products.apply(task.wanting(moving), task.wanted, False, upstream, *directions, *tensors)
        return None, *through, *_spread(task, moving, found)

    @staticmethod
    def jvp(ctx: Context, *_: Tensor | None):
        task = ctx.task
        raise LossError(
            f"{task.schema.name}: forward mode over forward mode is not available; use jacfwd(jacrev(...)), or"
            " torch.func.hessian"
        )

    @staticmethod
    def vmap(info, in_dims: tuple, task: Task, *rest: Tensor):
        return torch_batch.slope((Slope.apply, Normalisers.apply), info.batch_size, in_dims[1:], task, rest)


class Normalisers(torch.autograd.Function):
    """(task, *tensors) -> what each item adds to the denominator of the mean: a constant."""

    @staticmethod
    def forward(task: Task, *tensors: Tensor) -> Tensor:
        if task.traced:
            with torch._C._AutoDispatchBelowAutograd():
                return torch_op.normalisers(list(tensors), *torch_op.written_task(task))
        return task.normalisers(tensors)

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple, output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Context, *_: Tensor | None):
        return (None,) * len(ctx.needs_input_grad)

    @staticmethod
    def jvp(ctx: Context, *_: Tensor | None):
        return None

    @staticmethod
    def vmap(info, in_dims: tuple, task: Task, *tensors: Tensor):
        return torch_batch.normalisers(Normalisers.apply, info.batch_size, in_dims[1:], task, tensors)


def _keep(ctx: Context, task: Task, tensors: Sequence[Tensor]) -> None:
    """Save what backward and jvp read."""
    ctx.task = task
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*tensors)
    ctx.save_for_forward(*tensors)


def _moving(task: Task, needed: Sequence[bool]) -> list[int]:
    """The places of the tensors that need a gradient."""
    return [place for place, need in zip(task.places, needed, strict=True) if need]


def _directions(task: Task, tangents: Sequence[Tensor | None]) -> tuple[list[int], list[Tensor]]:
    """The places of the tensors that have a tangent, and the tangents."""
    found = [(p, t) for p, t in zip(task.places, tangents, strict=True) if t is not None]
    return [place for place, _ in found], [tangent for _, tangent in found]


def _spread(task: Task, places: Sequence[int], found: Sequence[Tensor]) -> list[Tensor | None]:
    """Gradients at these places as one entry for each tensor."""
    named = dict(zip(places, found, strict=True))
    return [named.get(place) for place in task.places]


def _with_slope(given: tuple[tuple[int, ...], bool], found: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    """The slope, or None where it was not wanted, and the products."""
    return tuple(found) if given[1] else (None, *found)


def _third(task: Task) -> LossError:
    return LossError(
        f"{task.schema.name}: the third derivative is not available, expected at most two; detach what is not to be"
        " differentiated again"
    )
