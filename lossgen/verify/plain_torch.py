"""A raw formula in plain PyTorch, so that autograd differentiates what the author wrote."""

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

import numpy as np
import torch
from sympy import Abs, Add, Expr, Min, Mod, Mul, Piecewise, Pow, Symbol, exp, false, log, sign, tanh, true
from sympy import Max as Largest
from sympy.logic.boolalg import ITE, And, Not, Or
from torch import Tensor

from lossgen.formula import Loss, Variant
from lossgen.formula.atoms import Atom, detach
from lossgen.formula.axes import Index
from lossgen.formula.infinities import infinite_with, zero_if_infinite
from lossgen.formula.nodes import Delta, Entry, LabelEntry, LogSumExp, Max, Sum
from lossgen.formula.recurrence import Cell, Filled, Lattice
from lossgen.formula.symbols import is_position

from .cells import Cells
from .comparison import Figure
from .layouts import COMMON, as_batch, as_given, own, own_sizes, sizes_of
from .reductions import summed
from .sampling import counted

#: Items lie along dimension 0: (N,) for one number per item, (N, C) for rows, (C,) for a row shared by all items. A formula
#: with a recurrence is evaluated item by item: whole numbers are plain ones, and so are the conditions on them.
Environment = Mapping[str, Any]

#: Torch's own rounding, over the largest entry of a gradient.
TORCH_TOLERANCE = 1e-12

RELATIONS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
UNARY = {exp: torch.exp, log: torch.log, Abs: torch.abs, sign: torch.sign, tanh: torch.tanh}


def evaluate(node: Expr, environment: Environment) -> Tensor | float:
    """The expression for every item. Sizes of axes are given under the axes' names."""
    if isinstance(node, Symbol):
        return environment[node.name]
    if node.is_number:
        return float(node)
    if isinstance(node, Entry):
        return _entry(node, environment)
    if isinstance(node, detach):
        return _tensor(evaluate(node.args[0], environment)).detach()
    for kind, method in METHODS.items():
        if isinstance(node, kind):
            return method(node, environment)
    if isinstance(node, Atom):
        return evaluate(node.definition(), environment)
    raise TypeError(f"{node.func.__name__} in {node} cannot be evaluated")


def _tensor(number: Tensor | float) -> Tensor:
    return number if isinstance(number, Tensor) else torch.tensor(float(number), dtype=torch.float64)


def _entry(node: Entry, environment: Environment) -> Tensor | float:
    row = environment[node.base.name]
    places = [evaluate(index, environment) for index in node.indices]
    if isinstance(node, LabelEntry):
        return row[int(places[0])] if 0 <= places[0] < len(row) else float("nan")
    if not isinstance(row, Tensor):
        return row
    if is_position(node.index) and not isinstance(node.index, Index):
        return row[places[0]] if row.ndim == 1 else row.gather(1, places[0][:, None])[:, 0]
    return row[(..., *map(int, places))]


def _cells(node: Lattice, environment: Environment) -> Cells:
    """The filled cells, which are kept for the next time."""
    kept = environment["cells"]
    if node not in kept:
        cells = Cells([environment[i.axis.name] for i in node.indices], evaluate(node.outside, environment))
        inside = {**environment, node.name.name: cells}
        names = [index.name for index in node.indices]
        kept[node] = cells.fill(lambda at: evaluate(node.cell, inside | dict(zip(names, at, strict=True))))
    return kept[node]


def _places(node: Cell | Filled, environment: Environment) -> tuple[int, ...]:
    return tuple(int(evaluate(p, environment)) for p in node.positions)


def _over(node: Expr, environment: Environment) -> Tensor:
    size = int(environment[node.index.axis.name])
    return torch.stack(
        torch.broadcast_tensors(
            *(_tensor(evaluate(node.body, {**environment, node.index.name: k})) for k in range(size))
        )
    )


def _product(node: Mul, environment: Environment) -> Tensor | float:
    """The product; 0 where a cell is outside, whatever else is read there."""
    product: Tensor | float = 1.0
    for factor in sorted(node.args, key=lambda f: not isinstance(f, Cell | Filled)):
        product = product * evaluate(factor, environment)
        if isinstance(product, float) and product == 0 and isinstance(factor, Cell | Filled):
            break
    return product


def _sum(node: Add, environment: Environment) -> Tensor | float:
    return sum(evaluate(term, environment) for term in node.args)


def _piecewise(node: Piecewise, environment: Environment) -> Tensor | float:
    """The branch that applies; all of them where that depends on the item."""
    branches = []
    for branch, condition in node.args:
        holds = _holds(condition, environment)
        if holds is not False:
            branches.append((evaluate(branch, environment), holds))
        if holds is True:
            break
    (result, _), *others = reversed(branches)
    for taken, holds in others:
        result = torch.where(holds, _tensor(taken), _tensor(result))
    return result


def _holds(condition: Expr, environment: Environment) -> Tensor | bool:
    if condition in (true, false):
        return bool(condition)
    if isinstance(condition, Not):
        return not _holds(condition.args[0], environment)
    if isinstance(condition, ITE):
        asked, yes, no = condition.args
        return _holds(yes if _holds(asked, environment) else no, environment)
    if isinstance(condition, And | Or):
        joined = operator.and_ if isinstance(condition, And) else operator.or_
        return reduce(joined, (_holds(part, environment) for part in condition.args))
    left, right = (evaluate(side, environment) for side in (condition.lhs, condition.rhs))
    return RELATIONS[condition.rel_op](left, right)


def _delta(node: Delta, environment: Environment) -> Tensor:
    left, right = (environment[arg.name] for arg in node.args)
    return torch.as_tensor(left == right).double()


def _applied(function: Callable[[Tensor], Tensor]) -> Callable[[Expr, Environment], Tensor]:
    """A function of one argument as a method."""
    return lambda node, env: function(_tensor(evaluate(node.args[0], env)))


def _finite_or_zero(node: zero_if_infinite, environment: Environment) -> Tensor:
    x = _tensor(evaluate(node.args[0], environment))
    return torch.where(torch.isinf(x), torch.zeros_like(x), x)


def _infinite_with(node: infinite_with, environment: Environment) -> Tensor:
    x, other = (_tensor(evaluate(part, environment)) for part in node.args)
    return torch.where(torch.isinf(x), torch.full_like(other, torch.inf), other)


METHODS = {
    Filled: lambda node, env: _cells(node.lattice, env)[_places(node, env)],
    Cell: lambda node, env: env[node.name.name][_places(node, env)],
    Mod: lambda node, env: operator.mod(*(evaluate(a, env) for a in node.args)),
    infinite_with: _infinite_with,
    zero_if_infinite: _finite_or_zero,
    Add: _sum,
    Mul: _product,
    Pow: lambda node, env: torch.pow(_tensor(evaluate(node.base, env)), _tensor(evaluate(node.exp, env))),
    Sum: lambda node, env: _over(node, env).sum(0),
    Max: lambda node, env: _over(node, env).amax(0),
    LogSumExp: lambda node, env: _over(node, env).logsumexp(0),
    Delta: _delta,
    Piecewise: _piecewise,
    Largest: lambda node, env: torch.stack(
        torch.broadcast_tensors(*(_tensor(evaluate(a, env)) for a in node.args))
    ).amax(0),
    Min: lambda node, env: torch.stack(torch.broadcast_tensors(*(_tensor(evaluate(a, env)) for a in node.args))).amin(
        0
    ),
    **{kind: _applied(function) for kind, function in UNARY.items()},
}


def environments(
    variant: Variant, arrays: Mapping[str, np.ndarray], tensors: Mapping[str, Tensor], parameters: Mapping[str, float]
) -> Iterator[Environment]:
    """What the formula is evaluated on: all items at once, or one after another where it has a recurrence."""
    items = next(len(arrays[a.name]) for a in variant.arguments if a.role.layout not in COMMON)
    if not variant.filled:
        yield {**sizes_of(variant, arrays), "item": torch.arange(items), **parameters, **tensors}
        return
    for i in range(items):
        sizes = own_sizes(variant, arrays, i)
        whole = {a.name: own(a, arrays[a.name], i, sizes).tolist() for a in variant.arguments if a.role.integer}
        rows = {
            a.name: tensors[a.name] if a.role.layout in COMMON else tensors[a.name][i]
            for a in variant.arguments
            if not a.role.integer
        }
        yield {**sizes, **parameters, **whole, **rows, "cells": {}}


def gradient_figures(
    loss: Loss, variant: Variant, function: Any, arrays: Mapping[str, np.ndarray], parameters: Mapping[str, float]
) -> list[Figure]:
    """How far a generated loss's gradients are from autograd's for the plain formula, both in float64.

    Where autograd has none, since it multiplies 0 by the infinite slope of the side of a select that is not taken, there is
    nothing to compare.
    """
    given = counted(variant, arrays)
    tensors = {
        a.name: torch.tensor(given[a.name], requires_grad=a in variant.differentiable) for a in variant.arguments
    }
    values = [evaluate(variant.expression, e) for e in environments(variant, given, tensors, parameters)]
    sum(_tensor(value).sum() for value in values).backward()
    names, ordered = tuple(a.name for a in variant.differentiable), as_given(variant, arrays)
    _, found = function.value_and_grad(
        *(ordered[a.name] for a in variant.arguments), **parameters, **summed(loss), wrt=names
    )
    found = as_batch(variant, dict(zip(names, found, strict=True)))
    figures = []
    for name, gradient in found.items():
        truth = tensors[name].grad.numpy() if tensors[name].grad is not None else np.zeros_like(gradient)
        known = ~np.isnan(truth)
        largest = max(float(np.abs(truth[known]).max(initial=0)), float(np.finfo(np.float64).tiny))
        error = float(np.abs(gradient - truth)[known].max(initial=0))
        worst, off = error / largest / float(np.finfo(np.float64).eps), int((~np.isfinite(gradient)).sum())
        excess = error / largest / TORCH_TOLERANCE
        figures.append(
            Figure(
                "NumPy",
                "autograd",
                f"torch autograd, {name}",
                "float64",
                worst,
                gradient.size,
                0,
                excess,
                error / largest,
                "",
                off,
            )
        )
    return figures
