"""The operators' derivatives, and how they run on batches of calls: by way of the nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import torch_batch, torch_op
from .torch_library import torch
from .torch_nodes import Gradients, Normalisers, Products, Value
from .torch_task import Task

Tensor = torch.Tensor


@contextmanager
def _at_the_front() -> Iterator[None]:
    """Lets a node be applied from inside an operator while a function transform is active.

    An operator is met by a transform's dispatcher, which then keeps itself out of the calls below; a node needs it
    again. This is what remains of the dispatcher's state when code runs that no operator contains.
    """
    key = torch._C.DispatchKey.FuncTorchDynamicLayerFrontMode
    include = torch._C._dispatch_tls_local_include_set().add(key)
    exclude = torch._C._dispatch_tls_local_exclude_set().remove(key)
    with torch._C._ForceDispatchKeyGuard(include, exclude):
        yield


def _applied(node: type[torch.autograd.Function], settings: tuple, tensors: Sequence[Tensor], operator, plain: tuple):
    """A node from inside an operator, or the operator below differentiation where nothing is to be differentiated."""
    if torch._C._are_functorch_transforms_active():
        with _at_the_front():
            return node.apply(*settings, *tensors)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        return node.apply(*settings, *tensors)
    with torch._C._AutoDispatchBelowAutograd():
        return operator(*plain)


def _evaluate(tensors: list[Tensor], *call) -> list[Tensor]:
    return list(_applied(Value, (torch_op.task_of(*call),), tensors, torch_op.evaluate, (tensors, *call)))


def _gradients(upstream: Tensor, tensors: list[Tensor], *call) -> list[Tensor]:
    plain = upstream, tensors, *call
    return list(_applied(Gradients, (torch_op.task_of(*call),), (upstream, *tensors), torch_op.gradients, plain))


def _products(
    upstream: Tensor, directions: list[Tensor], moving: list[int], slope: bool, tensors: list[Tensor], *call
) -> list[Tensor]:
    plain = upstream, directions, moving, slope, tensors, *call
    settings = torch_op.task_of(*call), tuple(moving), slope
    return list(_applied(Products, settings, (upstream, *directions, *tensors), torch_op.products, plain))


def _normalisers(tensors: list[Tensor], *call) -> Tensor:
    return _applied(Normalisers, (torch_op.task_of(*call),), tensors, torch_op.normalisers, (tensors, *call))


# Batches: the same rules as the nodes', carried out with operators, since no node can be applied there.


def _evaluate_one(task: Task, *tensors: Tensor) -> list[Tensor]:
    return torch_op.evaluate(list(tensors), *torch_op.written_task(task))


def _gradients_one(task: Task, upstream: Tensor, *tensors: Tensor) -> list[Tensor]:
    return torch_op.gradients(upstream, list(tensors), *torch_op.written_task(task))


def _products_one(task: Task, moving: Sequence[int], slope: bool, upstream: Tensor, *rest: Tensor) -> list[Tensor]:
    directions, tensors = list(rest[: len(moving)]), list(rest[len(moving) :])
    return torch_op.products(upstream, directions, list(moving), slope, tensors, *torch_op.written_task(task))


def _normalisers_one(task: Task, *tensors: Tensor) -> Tensor:
    return torch_op.normalisers(list(tensors), *torch_op.written_task(task))


def _evaluate_batch(info, in_dims: tuple, tensors: list[Tensor], *call):
    functions = _evaluate_one, _gradients_one, _normalisers_one
    found, dims = torch_batch.value(functions, info.batch_size, in_dims[0], torch_op.task_of(*call), tensors)
    return list(found), list(dims)


def _gradients_batch(info, in_dims: tuple, upstream: Tensor, tensors: list[Tensor], *call):
    functions = _gradients_one, _normalisers_one
    dims, given = (in_dims[0], *in_dims[1]), (upstream, *tensors)
    found, dims = torch_batch.gradients(functions, info.batch_size, dims, torch_op.task_of(*call), given)
    return list(found), list(dims)


def _products_batch(
    info, in_dims: tuple, upstream: Tensor, directions: list[Tensor], moving: list[int], slope: bool, tensors, *call
):
    functions = _products_one, _normalisers_one
    dims, given = (in_dims[0], *in_dims[1], *in_dims[4]), (upstream, *directions, *tensors)
    settings = torch_op.task_of(*call), tuple(moving), slope
    found, dims = torch_batch.products(functions, info.batch_size, dims, settings, given)
    return list(found), list(dims)


def _normalisers_batch(info, in_dims: tuple, tensors: list[Tensor], *call):
    return torch_batch.normalisers(_normalisers_one, info.batch_size, in_dims[0], torch_op.task_of(*call), tensors)


torch_op.register_derivatives("evaluate", _evaluate, _evaluate_batch)
torch_op.register_derivatives("gradients", _gradients, _gradients_batch)
torch_op.register_derivatives("products", _products, _products_batch)
torch_op.register_derivatives("normalisers", _normalisers, _normalisers_batch)
OPERATORS = (torch_op.evaluate, torch_op.gradients, torch_op.products, torch_op.normalisers)
