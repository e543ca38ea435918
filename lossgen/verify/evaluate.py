"""Evaluates a raw formula for one item, in plain numbers or in numbers that carry their derivatives."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import mpmath
from mpmath import mpf
from sympy import Abs, Add, E, Expr, Min, Mul, Piecewise, Pow, Symbol, exp, log, pi, sign, tanh, true
from sympy import Max as Largest
from sympy.logic.boolalg import And, Boolean, Or

from lossgen.formula.atoms import Atom, absorb, detach, xlogy
from lossgen.formula.axes import Index
from lossgen.formula.nodes import Delta, Entry, LogSumExp, Max, Sum
from lossgen.formula.symbols import depends_on

from .jets import Number, absorbed, added, applied, logarithm, multiplied, raised, value_of, varies

CONSTANTS = {pi: mpmath.pi, E: mpmath.e}
UNARY = {exp: mpmath.exp, log: logarithm, Abs: abs, sign: mpmath.sign, tanh: mpmath.tanh}


class Item:
    """The numbers of an item, by the name of an argument, a hyperparameter, an axis (its size) or an index.

    lean : how a comparison of equal numbers is read: as it stands (0), the left one larger (1) or smaller (−1).
    detached : the arguments as what is detached sees them, where that is another point than the item's own.
    kinks : set once two equal numbers were compared that the inputs move apart.
    """

    def __init__(self, numbers: Mapping[str, Any], lean: int = 0, detached: Mapping[str, Any] | None = None) -> None:
        self.numbers, self.lean, self.kinks = numbers, lean, []
        self.detached = detached
        self.known: dict[tuple, Number] = {}

    def __getitem__(self, name: str) -> Any:
        return self.numbers[name]

    def at(self, index: Index, position: int) -> "Item":
        """The same item, the index at a position."""
        other = Item({**self.numbers, index.name: position}, self.lean, self.detached)
        other.kinks, other.known = self.kinks, self.known
        return other


def evaluate(node: Expr, item: Item) -> Number:
    """The node's value, or its jet where inputs are jets. A node met again at the same positions is not evaluated again."""
    key = (node, *(item[name] for name in _indices(node)))
    if key not in item.known:
        item.known[key] = _evaluate(node, item)
    return item.known[key]


@lru_cache(maxsize=4096)
def _indices(node: Expr) -> tuple[str, ...]:
    return tuple(sorted(s.name for s in node.free_symbols if isinstance(s, Index)))


def _evaluate(node: Expr, item: Item) -> Number:
    if isinstance(node, Symbol):
        return item[node.name]
    if node.is_Number:
        return mpf(node.p) / mpf(node.q) if node.is_Rational else mpf(str(node))
    if isinstance(node, Entry):
        row = item[node.base.name]
        return row[int(item[node.index.name])] if isinstance(row, Sequence) else row
    for kind, method in METHODS.items():
        if isinstance(node, kind):
            return method(node, item)
    if isinstance(node, Atom):
        return evaluate(node.definition(), item)
    if node in CONSTANTS:
        return +CONSTANTS[node]
    raise TypeError(f"{node.func.__name__} in {node} cannot be evaluated")


def _product(node: Mul, item: Item) -> Number:
    """0 · log 0 is 0: a factor that no prediction enters is evaluated first and may settle the product."""
    product, predicted = mpf(1), False
    for factor in sorted(node.args, key=lambda f: depends_on(f, "prediction")):
        product, predicted = _times(product, predicted, factor, item), predicted or depends_on(factor, "prediction")
    return product


def _times(product: Number, predicted: bool, factor: Expr, item: Item) -> Number:
    if value_of(product) != 0 or predicted:
        return multiplied(product, evaluate(factor, item))
    return absorbed(product, evaluate(factor, item)) if varies(product) else mpf(0)


def _absorbing(q: Expr, v: Expr, item: Item) -> Number:
    return _times(evaluate(q, item), False, v, item)


def _detached(node: Expr, item: Item) -> mpf:
    """The number without its derivatives, at the point that derivatives are taken at."""
    if item.detached is not None:
        item = Item({**item.numbers, **item.detached}, item.lean)
    return value_of(evaluate(node, item))


def _over(node: Expr, item: Item) -> list[Number]:
    index: Index = node.index
    return [evaluate(node.body, item.at(index, k)) for k in range(int(item[index.axis.name]))]


def _largest(numbers: list[Number], item: Item, factor: int = 1) -> Number:
    """The largest number (the smallest for factor −1): of several the first; the last if equal numbers lean that way."""
    top = max(factor * value_of(x) for x in numbers)
    attaining = [x for x in numbers if factor * value_of(x) == top]
    if len(attaining) > 1 and any(varies(x) for x in attaining):
        item.kinks.append(numbers)
    return attaining[-1 if item.lean < 0 else 0]


def _largest_entry(node: Max, item: Item) -> Number:
    """The mean of the entries that attain it, as PyTorch's amax has its derivative."""
    numbers = _over(node, item)
    top = max(map(value_of, numbers))
    attaining = [x for x in numbers if value_of(x) == top]
    return multiplied(added(attaining), 1 / mpf(len(attaining)))


def _piecewise(node: Piecewise, item: Item) -> Number:
    for branch, condition in node.args:
        if condition is true or _holds(condition, item):
            return evaluate(branch, item)
    raise ValueError(f"no branch of {node} applies")


def _holds(condition: Boolean, item: Item) -> bool:
    if isinstance(condition, And | Or):
        return (all if isinstance(condition, And) else any)([_holds(part, item) for part in condition.args])
    left, right = (evaluate(side, item) for side in (condition.lhs, condition.rhs))
    difference = value_of(left) - value_of(right)
    if difference == 0 and (varies(left) or varies(right)):
        item.kinks.append(condition)
        difference = mpf(item.lean)
    return {
        ">": difference > 0,
        ">=": difference >= 0,
        "<": difference < 0,
        "<=": difference <= 0,
        "==": difference == 0,
        "!=": difference != 0,
    }[condition.rel_op]


def _logsumexp(node: LogSumExp, item: Item) -> Number:
    return applied(logarithm, added([applied(mpmath.exp, x) for x in _over(node, item)]))


def _delta(node: Delta, item: Item) -> mpf:
    return mpf(int(evaluate(node.args[0], item) == evaluate(node.args[1], item)))


def _applied(function: Callable[[mpf], mpf]) -> Callable[[Expr, Item], Number]:
    """A function of one argument as a method."""
    return lambda node, item: applied(function, evaluate(node.args[0], item))


METHODS: dict[type, Callable[[Any, Item], Number]] = {
    Add: lambda node, item: added([evaluate(a, item) for a in node.args]),
    Mul: _product,
    Pow: lambda node, item: raised(*(evaluate(a, item) for a in node.args)),
    Sum: lambda node, item: added(_over(node, item)),
    Max: _largest_entry,
    LogSumExp: _logsumexp,
    Delta: _delta,
    Piecewise: _piecewise,
    Largest: lambda node, item: _largest([evaluate(a, item) for a in node.args], item),
    Min: lambda node, item: _largest([evaluate(a, item) for a in node.args], item, -1),
    detach: lambda node, item: _detached(node.args[0], item),
    absorb: lambda node, item: _absorbing(*node.args, item),
    xlogy: lambda node, item: _absorbing(node.args[0], log(node.args[1]), item),
    **{kind: _applied(function) for kind, function in UNARY.items()},
}
