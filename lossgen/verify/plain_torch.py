"""A raw formula in plain PyTorch, so that autograd differentiates what the author wrote."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sympy import Abs, Add, Expr, Min, Mul, Piecewise, Pow, Symbol, exp, log, sign, tanh, true
from sympy import Max as Largest
from torch import Tensor

from lossgen.formula import Loss, Variant
from lossgen.formula.atoms import Atom, detach
from lossgen.formula.axes import Index
from lossgen.formula.nodes import Delta, Entry, LogSumExp, Max, Sum
from lossgen.formula.symbols import is_position

from .comparison import Figure
from .reductions import summed
from .sampling import counted

#: Items lie along dimension 0: (N,) for one number per item, (N, C) for rows, (C,) for a row shared by all items.
Environment = Mapping[str, Tensor | float | int]

#: Torch's own rounding, over the largest entry of a gradient.
TORCH_TOLERANCE = 1e-12

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
    if isinstance(node, Atom):
        return evaluate(node.definition(), environment)
    for kind, method in METHODS.items():
        if isinstance(node, kind):
            return method(node, environment)
    raise TypeError(f"{node.func.__name__} in {node} cannot be evaluated")


def _tensor(number: Tensor | float) -> Tensor:
    return number if isinstance(number, Tensor) else torch.tensor(float(number), dtype=torch.float64)


def _entry(node: Entry, environment: Environment) -> Tensor | float:
    row, at = environment[node.base.name], environment[node.index.name]
    if not isinstance(row, Tensor):
        return row
    if is_position(node.index) and not isinstance(node.index, Index):
        return row[at] if row.ndim == 1 else row.gather(1, at[:, None])[:, 0]
    return row[..., at]


def _over(node: Expr, environment: Environment) -> Tensor:
    size = int(environment[node.index.axis.name])
    return torch.stack(
        torch.broadcast_tensors(
            *(_tensor(evaluate(node.body, {**environment, node.index.name: k})) for k in range(size))
        )
    )


def _product(node: Mul, environment: Environment) -> Tensor | float:
    product: Tensor | float = 1.0
    for factor in node.args:
        product = product * evaluate(factor, environment)
    return product


def _sum(node: Add, environment: Environment) -> Tensor | float:
    return sum(evaluate(term, environment) for term in node.args)


def _piecewise(node: Piecewise, environment: Environment) -> Tensor:
    result = None
    for branch, condition in reversed(node.args):
        taken = _tensor(evaluate(branch, environment))
        holds = _tensor(_holds(condition, environment)).bool()
        result = taken if result is None else torch.where(holds, taken, result)
    return result


def _holds(condition: Expr, environment: Environment) -> Tensor | bool:
    if condition is true:
        return True
    left, right = (_tensor(evaluate(side, environment)) for side in (condition.lhs, condition.rhs))
    return {
        ">": left > right,
        ">=": left >= right,
        "<": left < right,
        "<=": left <= right,
        "==": left == right,
        "!=": left != right,
    }[condition.rel_op]


def _delta(node: Delta, environment: Environment) -> Tensor:
    left, right = (environment[arg.name] for arg in node.args)
    return torch.as_tensor(left == right).double()


def _applied(function: Callable[[Tensor], Tensor]) -> Callable[[Expr, Environment], Tensor]:
    """A function of one argument as a method."""
    return lambda node, env: function(_tensor(evaluate(node.args[0], env)))


METHODS = {
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
    sizes = {
        a.role.axis.name: tensors[a.name].shape[-1] for a in variant.arguments if a.role.axis and not a.role.integer
    }
    numbers = torch.arange(next(len(tensors[a.name]) for a in variant.arguments if a.role.layout != "shared"))
    evaluate(variant.expression, {**sizes, "item": numbers, **parameters, **tensors}).sum().backward()
    names = tuple(a.name for a in variant.differentiable)
    _, found = function.value_and_grad(
        *(arrays[a.name] for a in variant.arguments), **parameters, **summed(loss), wrt=names
    )
    figures = []
    for name, gradient in zip(names, found, strict=True):
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
