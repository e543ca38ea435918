"""A loss as primitives of JAX: what they give, how they are batched and handed to XLA; `jax_rules` differentiates them.

One primitive for each kind of question that a `Task` asks; all are one foreign function to XLA (see `jax_run`), with the
task as its attribute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from lossgen.runtime import LossError
from lossgen.runtime.loss import find_loss

from .jax_library import jax
from .jax_run import TARGET
from .jax_task import GRADIENTS, PRODUCTS, SLOPES, VALUE, Task, result_kinds, written

Array = jax.Array
PRIMITIVES = {kind: Primitive(f"lossgen_{kind}") for kind in (VALUE, SLOPES, GRADIENTS, PRODUCTS)}


def evaluate(task: Task, *arrays: Array) -> list[Array]:
    """What a task asks for."""
    return PRIMITIVES[task.kind].bind(*arrays, task=task)


@lru_cache(maxsize=512)
def _compiled(task: Task):
    """A task as a program of its own, for calls outside of one."""
    return jax.jit(lambda *arrays: evaluate(task, *arrays))


def _results(*avals, task: Task) -> list:
    """What a task gives for arrays like these: not sharded, and varying over the same manual axes of a mesh."""
    like = avals[0]

    def aval(shape: tuple[int, ...], dtype: np.dtype):
        spec = jax.sharding.PartitionSpec(*[None] * len(shape))
        sharding = jax.sharding.NamedSharding(like.sharding.mesh, spec)
        return like.update(shape=shape, dtype=dtype, weak_type=False, sharding=sharding)

    return [aval(shape, np.dtype(dtype)) for shape, dtype in result_kinds(task, avals)]


def _lower(ctx: mlir.LoweringRuleContext, *operands, task: Task):
    return jax.ffi.ffi_lowering(TARGET)(ctx, *operands, call=written(task))


def _refuse(ctx: mlir.LoweringRuleContext, *operands, task: Task):
    words = "the kernels for JAX run on the CPU, not where this program does"
    loss = find_loss(task.location).name
    raise LossError(f'{loss}: {words}; move it there with jax.default_device(jax.devices("cpu")[0])')


def _batch(arrays: Sequence[Array], dims: Sequence[int | None], *, task: Task) -> tuple[list[Array], list[int]]:
    """A dimension more that counts calls, of size 1 in arrays that all calls share."""
    pairs = zip(arrays, dims, strict=True)
    moved = [x[None] if d is None else jax.numpy.moveaxis(x, d, 0) for x, d in pairs]
    found = evaluate(replace(task, lead=task.lead + 1), *moved)
    return found, [0] * len(found)


for _primitive in PRIMITIVES.values():
    _primitive.multiple_results = True
    _primitive.def_impl(lambda *arrays, task: _compiled(task)(*arrays))
    _primitive.def_abstract_eval(_results)
    batching.primitive_batchers[_primitive] = _batch
    mlir.register_lowering(_primitive, _refuse)
    mlir.register_lowering(_primitive, _lower, platform="cpu")
