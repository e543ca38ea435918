"""A raw formula evaluated to many digits, one item at a time, and its derivatives by finite differences.

Nothing that the compiler derives or rewrites takes part: the expression is the author's, atoms are evaluated by their
definitions, and derivatives are differences at a step so small, in arithmetic so wide, that 50 digits are right.
"""

from collections.abc import Callable, Mapping, Sequence

import mpmath
from mpmath import mp, mpf
from sympy import Abs, Add, Expr, Min, Mul, Piecewise, Pow, Symbol, exp, log, sign, tanh, true
from sympy import Max as Largest
from sympy.core.relational import Relational

from lossgen.formula.atoms import Atom
from lossgen.formula.axes import Index
from lossgen.formula.nodes import Delta, Entry, LogSumExp, Max, Sum
from lossgen.formula.symbols import depends_on

#: One number, a row of numbers, or (for a row of equal numbers) one number in its place.
Environment = Mapping[str, mpf | int | Sequence[mpf]]

#: Working precisions in decimal digits. A result counts once the next precision confirms it: 1 − σ(10⁴) is 0 to 4,000 digits.
LADDER = (150, 700, 12000)
CONFIRMED = 30

UNARY = {exp: mpmath.exp, log: mpmath.log, Abs: abs, sign: mpmath.sign, tanh: mpmath.tanh}


def value(expression: Expr, environment: Environment) -> mpf:
    """The expression's value. Sizes of axes are given under the axes' names."""
    return _settled(lambda step: [_evaluate(expression, environment)])[0]


def gradient(expression: Expr, environment: Environment, name: str) -> list[mpf]:
    """The derivative for each entry of an argument, by central differences."""
    return _settled(
        lambda step: [_slope(expression, environment, name, at, step) for at in _positions(environment, name)]
    )


def second_derivative(expression: Expr, environment: Environment, name: str) -> list[mpf]:
    """The second derivative for each entry of an argument."""

    def differences(step: mpf) -> list[mpf]:
        middle = 2 * _evaluate(expression, environment)
        return [
            (
                _evaluate(expression, _moved(environment, name, at, step))
                - middle
                + _evaluate(expression, _moved(environment, name, at, -step))
            )
            / step**2
            for at in _positions(environment, name)
        ]

    return _settled(differences)


def curvature(
    expression: Expr, environment: Environment, directions: Mapping[str, Sequence[mpf] | mpf], name: str
) -> list[mpf]:
    """The Hessian's product with the directions, for each entry of an argument: mixed differences."""

    def differences(step: mpf) -> list[mpf]:
        ahead, behind = (_along(environment, directions, s) for s in (step, -step))
        return [
            (_slope(expression, ahead, name, at, step) - _slope(expression, behind, name, at, step)) / (2 * step)
            for at in _positions(environment, name)
        ]

    return _settled(differences)


def _settled(compute: Callable[[mpf], list[mpf]]) -> list[mpf]:
    """The result at the lowest precision that the next one confirms; else that of the highest."""
    previous: list[mpf] = []
    for digits in LADDER:
        with mp.workdps(digits):
            current = compute(mpf(10) ** -(digits // 4))
            if previous and all(_agree(x, y) for x, y in zip(previous, current, strict=True)):
                return current
            previous = current
    return previous


def _agree(x: mpf, y: mpf) -> bool:
    """Whether the digits are settled, or both are noise around a 0 that lies below every floating-point number."""
    if not (mpmath.isfinite(x) and mpmath.isfinite(y)):
        return False
    return abs(x - y) <= abs(y) * mpf(10) ** -CONFIRMED or (abs(x) < mpf(10) ** -70 and abs(y) < mpf(10) ** -330)


def _slope(expression: Expr, environment: Environment, name: str, position: int | None, step: mpf) -> mpf:
    ahead = _evaluate(expression, _moved(environment, name, position, step))
    behind = _evaluate(expression, _moved(environment, name, position, -step))
    return (ahead - behind) / (2 * step)


def _positions(environment: Environment, name: str) -> list[int | None]:
    given = environment[name]
    return list(range(len(given))) if isinstance(given, Sequence) else [None]


def _moved(environment: Environment, name: str, position: int | None, step: mpf) -> Environment:
    given = environment[name]
    if position is None:
        return {**environment, name: given + step}
    return {**environment, name: [x + step if k == position else x for k, x in enumerate(given)]}


def _along(environment: Environment, directions: Mapping[str, Sequence[mpf] | mpf], step: mpf) -> Environment:
    moved = dict(environment)
    for name, direction in directions.items():
        given = environment[name]
        moved[name] = (
            [x + step * d for x, d in zip(given, direction, strict=True)]
            if isinstance(given, Sequence)
            else given + step * direction
        )
    return moved


def _evaluate(node: Expr, environment: Environment) -> mpf:
    if isinstance(node, Symbol):
        return environment[node.name]
    if node.is_Number:
        return mpf(node.p) / mpf(node.q) if node.is_Rational else mpf(str(node))
    if isinstance(node, Entry):
        row = environment[node.base.name]
        return row[int(environment[node.index.name])] if isinstance(row, Sequence) else row
    if isinstance(node, Atom):
        return _evaluate(node.definition(), environment)
    for kind, method in METHODS.items():
        if isinstance(node, kind):
            return method(node, environment)
    if node.is_number:
        return mpf(str(node.evalf(mp.dps)))
    raise TypeError(f"{node.func.__name__} in {node} cannot be evaluated")


def _product(node: Mul, environment: Environment) -> mpf:
    """0 · log 0 is 0: a factor that no prediction enters is evaluated first and may settle the product."""
    product = mpf(1)
    for factor in sorted(node.args, key=lambda f: depends_on(f, "prediction")):
        if product == 0:
            return mpf(0)
        product *= _evaluate(factor, environment)
    return product


def _over(node: Expr, environment: Environment) -> list[mpf]:
    index: Index = node.index
    return [_evaluate(node.body, {**environment, index.name: k}) for k in range(int(environment[index.axis.name]))]


def _piecewise(node: Piecewise, environment: Environment) -> mpf:
    for branch, condition in node.args:
        if condition is true or _holds(condition, environment):
            return _evaluate(branch, environment)
    raise ValueError(f"no branch of {node} applies")


def _holds(condition: Relational, environment: Environment) -> bool:
    left, right = (_evaluate(side, environment) for side in (condition.lhs, condition.rhs))
    return {
        ">": left > right,
        ">=": left >= right,
        "<": left < right,
        "<=": left <= right,
        "==": left == right,
        "!=": left != right,
    }[condition.rel_op]


def _applied(function: Callable[[mpf], mpf]) -> Callable[[Expr, Environment], mpf]:
    """A function of one argument as a method."""
    return lambda node, env: function(_evaluate(node.args[0], env))


METHODS = {
    Add: lambda node, env: mpmath.fsum(_evaluate(a, env) for a in node.args),
    Mul: _product,
    Pow: lambda node, env: mpmath.power(*(_evaluate(a, env) for a in node.args)),
    Sum: lambda node, env: mpmath.fsum(_over(node, env)),
    Max: lambda node, env: max(_over(node, env)),
    LogSumExp: lambda node, env: mpmath.log(mpmath.fsum(mpmath.exp(x) for x in _over(node, env))),
    Delta: lambda node, env: mpf(int(_evaluate(node.args[0], env) == _evaluate(node.args[1], env))),
    Piecewise: _piecewise,
    Largest: lambda node, env: max(_evaluate(a, env) for a in node.args),
    Min: lambda node, env: min(_evaluate(a, env) for a in node.args),
    **{kind: _applied(function) for kind, function in UNARY.items()},
}
