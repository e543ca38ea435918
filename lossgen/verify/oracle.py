"""A raw formula and its derivatives to many digits, one item at a time.

Nothing that the compiler derives or rewrites takes part: the expression is the author's, atoms are evaluated by their
definitions, and derivatives are those of the numbers (`jets`) in arithmetic so wide that 50 digits are right. Differences
at a tiny step (`by_differences`) confirm them, and stand in where a formula has no value beside the point it is needed at.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import mpmath
from mpmath import mp, mpf
from sympy import Add, Expr, Piecewise

from lossgen.formula.infinities import infinite_with

from .evaluate import Item, chosen, evaluate
from .jets import Jet, Leaf, Number, value_of
from .layouts import like

#: One number, a row of numbers, or (for a row of equal numbers) one number in its place.
Environment = Mapping[str, mpf | int | Sequence[mpf]]
Directions = Mapping[str, Sequence[mpf] | mpf]

#: Decimal digits besides those that the exponentials of the inputs use up; how many show that a 0 is no lost digit;
#: and the most that are tried.
DIGITS, SURE, MOST = 70, 340, 12000
CONFIRMED = 30
#: A number below the first of these at one precision and below the second at the next is 0 to every floating-point number.
NOISE = mpf(10) ** -70, mpf(10) ** -330


@dataclass(frozen=True)
class Truth:
    """What is exact for one item: the value, and by the argument's name the other quantities, entry by entry.

    doubtful : whether a number came out as 0, which may be one that the working precision has lost.
    """

    value: mpf
    gradient: Mapping[str, list[mpf]]
    product: Mapping[str, list[mpf]]
    diagonal: Mapping[str, list[mpf]]
    doubtful: bool = False

    def of(self, numbers: Iterator[mpf]) -> "Truth":
        """A truth of the same make with other numbers, in the order of `numbers`."""
        value = next(numbers)
        parts = [
            {name: [next(numbers) for _ in entries] for name, entries in quantity.items()}
            for quantity in (self.gradient, self.product, self.diagonal)
        ]
        return Truth(value, *parts)

    def numbers(self) -> Iterator[mpf]:
        """All of them."""
        yield self.value
        for quantity in (self.gradient, self.product, self.diagonal):
            for entries in quantity.values():
                yield from entries


def truths(
    expression: Expr, environment: Environment, wrt: Sequence[str], directions: Directions | None = None
) -> list[Truth]:
    """Value, gradients, the Hessian's products with the directions and its diagonal.

    Where a formula has a kink just at the item there are several, one for each side: every slope between them is right.
    """
    return _settled(environment, lambda: _by_jets(expression, environment, wrt, directions or {}))


def value(expression: Expr, environment: Environment) -> mpf:
    """The expression's value. Sizes of axes are given under the axes' names."""
    return truths(expression, environment, ())[0].value


def terms(expression: Expr, environment: Environment) -> list[mpf]:
    """The values of the terms whose sum the expression is for the item."""
    if isinstance(expression, Piecewise):
        return terms(chosen(expression, Item(environment)), environment)
    if isinstance(expression, infinite_with) and mpmath.isfinite(value(expression.args[0], environment)):
        return terms(expression.args[1], environment)
    return [value(term, environment) for term in Add.make_args(expression)]


def gradient(expression: Expr, environment: Environment, name: str) -> list[mpf]:
    """The derivative for each entry of an argument."""
    return truths(expression, environment, (name,))[0].gradient[name]


def second_derivative(expression: Expr, environment: Environment, name: str) -> list[mpf]:
    """The second derivative for each entry of an argument."""
    return truths(expression, environment, (name,))[0].diagonal[name]


def curvature(expression: Expr, environment: Environment, directions: Directions, name: str) -> list[mpf]:
    """The Hessian's product with the directions, for each entry of an argument."""
    return truths(expression, environment, (name,), directions)[0].product[name]


def by_differences(
    expression: Expr, environment: Environment, wrt: Sequence[str], directions: Directions | None = None
) -> Truth:
    """The same by differences of values alone, at a quarter of the digits. At a kink it is the mean of both sides."""
    return _settled(environment, lambda: [_differences(expression, environment, wrt, directions or {})], 150)[0]


def sensitivity(
    expression: Expr,
    environment: Environment,
    wrt: Sequence[str],
    directions: Directions,
    steps: Mapping[Leaf, mpf],
) -> Truth:
    """Σ |f(z + step) − f(z)| over some inputs z, each moved by its step either way, for every number f of the truth.

    It is how far f may be off when each input is: large where f is ill-conditioned, or where a kink is near.
    """
    with mp.workdps(DIGITS + 60 + int(0.44 * min(float(_spread(environment)), MOST))):
        here = _by_jets(expression, environment, wrt, directions)[0]
        totals = [mpf(0) for _ in here.numbers()]
        for leaf, step in steps.items():
            ways = [_by_jets(expression, moved(environment, leaf, s), wrt, directions)[0] for s in (step, -step)]
            for n, (x, *beside) in enumerate(zip(here.numbers(), *(way.numbers() for way in ways), strict=True)):
                totals[n] += max((abs(y - x) for y in beside if mpmath.isfinite(y - x)), default=mpf(0))
        return here.of(iter(totals))


def positions(environment: Environment, name: str) -> list[int | None]:
    """The positions in an argument's row, or None for one number."""
    given = environment[name]
    return list(range(len(given))) if isinstance(given, Sequence) else [None]


def moved(environment: Environment, leaf: Leaf, step: mpf) -> Environment:
    """The item with one entry changed."""
    name, position = leaf
    given = environment[name]
    if position is None:
        return {**environment, name: given + step}
    return {**environment, name: like(given, (x + step if k == position else x for k, x in enumerate(given)))}


def _settled(environment: Environment, compute: Callable[[], list[Truth]], digits: int = DIGITS) -> list[Truth]:
    """The result at the lowest precision that a slightly wider one confirms; else that of the highest."""
    spread = _spread(environment)
    digits += int(0.44 * float(spread)) if spread < MOST else 0
    while True:
        with mp.workdps(digits):
            previous = compute()
        if digits > SURE or not any(truth.doubtful for truth in previous):
            with mp.workdps(digits + max(40, digits // 8)):
                current = compute()
            if digits > MOST or _agree(previous, current):
                return current
        digits = max(2 * digits, SURE + 1)


def _spread(environment: Environment) -> mpf:
    """The largest entry: e^−x is lost beside 1 without 0.44·x digits."""
    rows = (given if isinstance(given, Sequence) else [given] for given in environment.values())
    return max((abs(mpf(x)) for row in rows for x in row), default=mpf(0))


def _agree(previous: list[Truth], current: list[Truth]) -> bool:
    return len(previous) == len(current) and all(
        _same(x, y)
        for before, after in zip(previous, current, strict=True)
        for x, y in zip(before.numbers(), after.numbers(), strict=True)
    )


def _same(x: mpf, y: mpf) -> bool:
    """Whether the digits are settled, or both are noise around a 0 that lies below every floating-point number."""
    if not (mpmath.isfinite(x) and mpmath.isfinite(y)):
        return mpmath.isnan(x) == mpmath.isnan(y) and (mpmath.isnan(x) or x == y)
    if x == y == 0:
        return True
    return abs(x - y) <= abs(y) * mpf(10) ** -CONFIRMED or (abs(x) < NOISE[0] and abs(y) < NOISE[1])


def _by_jets(expression: Expr, environment: Environment, wrt: Sequence[str], directions: Directions) -> list[Truth]:
    """By one evaluation; at a kink by one for each side, and by differences where a formula is not defined beside it."""
    inputs = {**environment, **{name: _seeded(environment, name, directions) for name in {*wrt, *directions}}}
    item = Item(inputs)
    found = [_read(evaluate(expression, item), environment, wrt)]
    if item.kinks:
        found += [_read(evaluate(expression, Item(inputs, lean)), environment, wrt) for lean in (1, -1)]
    if any(mpmath.isnan(x) for truth in found for x in truth.numbers()):
        return [_differences(expression, environment, wrt, directions)]
    return found


def _seeded(environment: Environment, name: str, directions: Directions) -> Number | list[Number]:
    """The argument's entries as jets: each has slope 1 for itself, and moves along the direction."""
    given, along = environment[name], directions.get(name)
    if isinstance(given, Sequence):
        moves = ([mpf(0)] * len(given)) if along is None else along
        return like(given, (Jet(x, {(name, k): mpf(1)}, along=moves[k]) for k, x in enumerate(given)))
    return Jet(given, {(name, None): mpf(1)}, along=mpf(0) if along is None else along)


def _read(result: Number, environment: Environment, wrt: Sequence[str]) -> Truth:
    jet = result if isinstance(result, Jet) else Jet(result)
    parts = [
        {name: [slopes.get((name, k), mpf(0)) for k in positions(environment, name)] for name in wrt}
        for slopes in (jet.slopes, jet.products, jet.bends)
    ]
    present = [jet.value, *jet.slopes.values(), *jet.products.values(), *jet.bends.values()]
    return Truth(jet.value, *parts, doubtful=any(x == 0 for x in present))


def _differences(expression: Expr, environment: Environment, wrt: Sequence[str], directions: Directions) -> Truth:
    step = mpf(10) ** -(mp.dps // 4)

    @cache
    def at(*changes: tuple[Leaf, mpf]) -> mpf:
        changed = environment
        for leaf, by in changes:
            changed = moved(changed, leaf, by)
        return value_of(evaluate(expression, Item(changed, detached=environment)))

    def along(by: mpf) -> Iterator[tuple[Leaf, mpf]]:
        for name, direction in directions.items():
            for k in positions(environment, name):
                yield (name, k), by * (direction if k is None else direction[k])

    def slope(leaf: Leaf, *changes: tuple[Leaf, mpf]) -> mpf:
        return (at(*changes, (leaf, step)) - at(*changes, (leaf, -step))) / (2 * step)

    here, ahead, behind = at(), list(along(step)), list(along(-step))
    leaves = {name: [(name, k) for k in positions(environment, name)] for name in wrt}
    return Truth(
        here,
        {n: [slope(z) for z in entries] for n, entries in leaves.items()},
        {n: [(slope(z, *ahead) - slope(z, *behind)) / (2 * step) for z in entries] for n, entries in leaves.items()},
        {n: [(at((z, step)) - 2 * here + at((z, -step))) / step**2 for z in entries] for n, entries in leaves.items()},
    )
