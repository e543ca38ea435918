"""Expressions of the formula language in 50-digit arithmetic, straight from their definitions.

Written for the tests alone, from the textbook meaning of every node: it shares no code with the compiler.
"""

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import sympy
from mpmath import mp, mpf

from lossgen.formula.atoms import Atom
from lossgen.formula.axes import Index
from lossgen.formula.lengths import Norm, PowerNorm
from lossgen.formula.nodes import Delta, Entry, LogSumExp, Max, Reduction, Sum

mp.dps = 50

#: The numbers of an item: by the name of an argument, a hyperparameter or an axis (its length).
Numbers = Mapping[str, Any]

PLAIN: dict[str, Callable] = {
    "floor": mpmath.floor,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "tanh": mpmath.tanh,
    "Abs": abs,
    "sign": mpmath.sign,
    "infinite_with": lambda x, u: mpf("inf") if mpmath.isinf(x) else u,
    "is_finite": lambda x: mpf(int(not mpmath.isinf(x))),
    "zero_if_infinite": lambda x: mpf(0) if mpmath.isinf(x) else x,
    "Max": max,
    "Min": min,
    "Add": lambda *terms: mpmath.fsum(terms),
    "Mul": lambda *factors: mpmath.fprod(factors),
}
RELATIONS: dict[str, Callable] = {
    "Eq": lambda a, b: a == b,
    "Ne": lambda a, b: a != b,
    "Equality": lambda a, b: a == b,
    "Unequality": lambda a, b: a != b,
    "StrictGreaterThan": lambda a, b: a > b,
    "GreaterThan": lambda a, b: a >= b,
    "StrictLessThan": lambda a, b: a < b,
    "LessThan": lambda a, b: a <= b,
    "And": lambda *all_: all(all_),
    "Or": lambda *any_: any(any_),
    "Not": lambda a: not a,
}


def exact(node: sympy.Basic, numbers: Numbers, at: Mapping[Index, int] | None = None) -> Any:
    """The node's value (mpf, or bool for a condition); `at` holds the positions of the indices that are free in it."""
    at = at or {}

    def value(child):
        return exact(child, numbers, at)

    if isinstance(node, Entry):
        return _number(numbers[node.base.name][_position(node.index, numbers, at)])
    if isinstance(node, Reduction):
        length = len_of(node, numbers)
        if isinstance(node, PowerNorm):
            return value(Sum(node.body, node.index)) ** (1 / value(node.power))
        bodies = [exact(node.body, numbers, {**at, node.index: i}) for i in range(length)]
        return {
            Sum: mpmath.fsum,
            Max: max,
            Norm: mpmath.norm,
            LogSumExp: lambda b: mpmath.log(mpmath.fsum(map(mpmath.exp, b))),
        }[type(node)](bodies)
    if isinstance(node, Delta):
        return mpf(_position(node.args[0], numbers, at) == _position(node.args[1], numbers, at))
    if isinstance(node, Index):
        return mpf(at[node])
    if isinstance(node, sympy.Symbol):
        return _number(numbers[node.name])
    if isinstance(node, sympy.Piecewise):
        return next(value(v) for v, condition in node.args if value(condition))
    if isinstance(node, Atom):
        own = PLAIN.get(node.func.__name__)
        return own(*map(value, node.args)) if own else value(node.definition())
    if node in (sympy.true, sympy.false):
        return bool(node)
    if node is sympy.S.NegativeInfinity:
        return -mpmath.inf
    if isinstance(node, sympy.Number | sympy.NumberSymbol):
        return (
            mpf(int(node.p)) / int(node.q) if isinstance(node, sympy.Rational) else mpf(str(sympy.N(node, mp.dps + 10)))
        )
    name = type(node).__name__
    if isinstance(node, sympy.Pow):
        base, exponent = map(value, node.args)
        return base**exponent
    return {**PLAIN, **RELATIONS}[name](*map(value, node.args))


def len_of(node: Reduction, numbers: Numbers) -> int:
    """The length of the axis that a reduction runs over."""
    return int(numbers[node.index.axis.name])


def slope(function: Callable[[Any], Any], point: Any, order: int = 1) -> Any:
    """The derivative by central differences: at 50 digits good to about 35 of them, the second derivative to 15."""
    h = mpf(10) ** -(14 if order == 1 else 10)
    if order == 1:
        return (
            8 * (function(point + h) - function(point - h)) - (function(point + 2 * h) - function(point - 2 * h))
        ) / (12 * h)
    return (function(point + h) - 2 * function(point) + function(point - h)) / h**2


def _number(given: Any) -> Any:
    return given if isinstance(given, mpf) else mpf(float(given))


def _position(index: sympy.Symbol, numbers: Numbers, at: Mapping[Index, int]) -> int:
    return at[index] if isinstance(index, Index) else int(numbers[index.name])
