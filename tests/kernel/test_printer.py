"""The printer: one list of expressions goes through every method, and the text computes the same number."""

import ast
import math

import numpy as np
import pytest
from exact import exact
from sympy import (
    Abs,
    Add,
    And,
    Eq,
    Expr,
    Function,
    GoldenRatio,
    Integer,
    Max,
    Min,
    Mul,
    Ne,
    Not,
    Or,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    exp,
    floor,
    log,
    pi,
    sign,
    sqrt,
    tanh,
)

from lossgen.formula import SpecError
from lossgen.formula.atoms import expm1, expm1_minus, expm1_ratio, log1p
from lossgen.formula.divergences import less_log
from lossgen.formula.infinities import infinite_with, is_finite, zero_if_infinite
from lossgen.formula.lengths import abs_power, hypot, signed_power
from lossgen.kernel.expression_printer import LIBRARY, ExpressionPrinter
from lossgen.kernel.functions import (
    PathFunction,
    abs_difference,
    abs_power_difference,
    as_real,
    at_least_tiny,
    binade,
    exact_sum,
    exp_below,
    exp_nonpositive,
    exp_of_difference,
    group,
    is_path,
    largest,
    log1p_unit,
    log_of_path,
    magnitude,
    multiple,
    no_path,
    origin,
    part_of_paths,
    path_of_log,
    path_of_scaled,
    path_product,
    path_share,
    path_sum,
    positive_part,
    power_down,
    quotient,
    reciprocal,
    reciprocal_or_zero,
    root_difference,
    row_exponent,
    scaled_of_log,
    scaled_product,
    scaled_quotient,
    signed_power_difference,
    smallest,
    up_to_half,
    where_equal,
    where_near,
)
from lossgen.kernel.math import differences, infinities, library, path_numbers, paths, scaled_paths

a, b, n = Symbol("a", real=True), Symbol("b", real=True), Symbol("n", integer=True)

EXPRESSIONS: list[Expr] = [
    Integer(0),
    Integer(1),
    Integer(-1),
    Integer(7),
    Rational(-2, 3),
    Rational(1, 10**9),
    pi / 2,
    log(2 * pi) * a,
    GoldenRatio - a,
    sqrt(2) * a,
    a + b - 3,
    -a - b,
    2 - a * b,
    a - (b - 1),
    -2 * a + b / 3,
    a * (b - 1) * -3,
    Mul(-1, a - b, evaluate=False),
    a * reciprocal(b),
    reciprocal(-2 * b),
    a * reciprocal(-2 * b),
    reciprocal(a * b) * reciprocal(-b) * -a,
    reciprocal(a - b) ** 2,
    a - reciprocal(b) * b,
    quotient(a - b, -2 * b) ** 2 * a,
    multiple(a - b, -b) ** 2 * b,
    exact_sum(a, -b, 3 * b) - a * exact_sum(-a, b, -b / 2, n),
    quotient(a * b, 3 * b) - quotient(-a, b),
    a**2,
    (a - b) ** 3,
    (-a * b) ** 4,
    a**5,
    a**6,
    (a - 2) ** 7,
    Abs(a) ** Rational(3, 2),
    (a**2) ** b,
    sqrt(a**2 + 1),
    1 / sqrt(a**2 + b**2),
    (a**2 + 1) ** -1.5,
    Piecewise((a, a > b), (b, True)),
    Piecewise((a - 1, a < 0), (b, a < 1), (a * b, True)),
    -Piecewise((a, Eq(a, b)), (b, True)),
    Piecewise((a, Ne(a, b)), (b, True)),
    Piecewise((1, And(a > 0, b > 0)), (2, Or(a > 1, b < -1)), (3, True)),
    Piecewise((a, Not(Or(a > 0, b < -5))), (2, True)),
    Piecewise((a, a <= b), (b, a >= b)),
    Max(a, b),
    Min(a, b, -3),
    2 * Max(a - b, b - a),
    Abs(a - b),
    sign(a),
    sign(a - a),
    sign(b) * a,
    group(a - b) + b,
    b + group(a - b) * 2,
    -group(a - b),
    magnitude(a - b),
    positive_part(a - b),
    positive_part(b - a),
    at_least_tiny(a - b),
    at_least_tiny(-(a**2)),
    as_real(n) * a,
    largest(a, b),
    smallest(a - b, b) * a,
    origin(a),
    part_of_paths(-(a**2), b),
    is_finite(a) * b,
    zero_if_infinite(a - b),
    infinite_with(a, a - b) * 2,
    exp(a),
    log(a**2 + 1),
    tanh(a),
    log1p(a**2),
    expm1(a),
    expm1_minus(a),
    expm1_ratio(a),
    exp_nonpositive(-(a**2)),
    exp_below(a, a + b**2),
    exp_of_difference(a, b),
    less_log(a, b**2),
    log1p_unit(exp_nonpositive(-(b**2))),
    hypot(a - b, 2) * b,
    abs_power(a - b, b),
    a - signed_power(a, b),
    binade(as_real(n) + 5) * a,
    reciprocal_or_zero(a * b) - b,
    abs_difference(a - b, a + b) * b,
    a - abs_power_difference(a, b, a - b, n + 2),
    signed_power_difference(a, b, a - b, n + 2),
    root_difference(a**2 / 8, b**2 + 1, b**2 + 2, n + 1),
    where_near(a, b, n + 1, 3) + up_to_half(b),
    log_of_path(path_product(path_of_log(a), path_of_log(b - 1))),
    log_of_path(path_sum(path_of_log(a), path_of_log(b))) * b,
    log_of_path(path_sum(path_of_log(a), no_path(), path_of_log(b))),
    a - path_share(path_of_log(-(a**2)), path_of_log(b)),
    is_path(path_of_log(a)) * b,
    scaled_product(scaled_of_log(a), scaled_of_log(-b)) * 2,
    b - scaled_quotient(scaled_of_log(a), scaled_of_log(b)),
    log_of_path(path_of_scaled(scaled_of_log(a), 2 * row_exponent(scaled_of_log(b)))),
    a * power_down(-row_exponent(scaled_of_log(b))),
    where_equal(a - b, a * b, a * b) * 3,
    a - where_equal(a, b, a - b),
]

#: What the kernel's own functions mean, in plain SymPy.
MEANING = {
    largest: Max,
    smallest: Min,
    origin: lambda u: u,
    part_of_paths: lambda u, v: exp(u - v),
    no_path: lambda: Integer(0),
    path_of_log: exp,
    log_of_path: log,
    path_product: lambda u, v: u * v,
    path_sum: Add,
    path_share: lambda u, v: u / v,
    is_path: lambda u: Integer(1),
    scaled_of_log: exp,
    scaled_product: lambda u, v: u * v,
    scaled_quotient: lambda u, v: u / v,
    path_of_scaled: lambda x, e: x * 2**e,
    row_exponent: lambda u: floor(log(u, 2)),
    power_down: lambda e: 2**e,
    is_finite: lambda u: Integer(1),
    zero_if_infinite: lambda u: u,
    infinite_with: lambda x, u: u,
    as_real: lambda u: u,
    group: lambda u: u,
    magnitude: Abs,
    positive_part: lambda u: Max(u, 0),
    multiple: lambda u, v: u * v,
    exact_sum: Add,
    quotient: lambda u, v: u / v,
    reciprocal: lambda u: 1 / u,
    at_least_tiny: lambda u: Max(u, Rational(np.finfo(float).tiny)),
    exp_nonpositive: exp,
    exp_below: lambda u, v: exp(u - v),
    exp_of_difference: lambda u, v: exp(u - v),
    log1p_unit: log1p,
    binade: lambda u: Piecewise((8, u >= 8), (4, True)),
    reciprocal_or_zero: lambda u: 1 / u,
    where_equal: lambda x, u, v: Piecewise((x, Eq(u, v)), (0, True)),
    abs_difference: lambda gap, total: abs((total + gap) / 2) - abs((total - gap) / 2),
    abs_power_difference: lambda x, y, gap, n: abs(x) ** n - abs(y) ** n,
    signed_power_difference: lambda x, y, gap, n: sign(x) * abs(x) ** n - sign(y) * abs(y) ** n,
    root_difference: lambda share, f, g, n: (f - g) * share / (1 - (g / f) ** n),
    where_near: lambda x, y, f, g: Piecewise((x, (f < 2 * g) & (g < 2 * f)), (y, True)),
    up_to_half: lambda u: Piecewise((u, abs(u) < Rational(1, 2)), (0, True)),
}

NAMES = {
    "real": float,
    "zero": 0.0,
    "one": 1.0,
    "TINY": float(np.finfo(float).tiny),
    "math": math,
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "tanh": math.tanh,
    "log1p": math.log1p,
    "expm1": math.expm1,
    "exp_nonpositive": math.exp,
    "exp_below": lambda x, y: math.exp(x - y),
    "exp_of_difference": lambda x, y: math.exp(x - y),
    "origin": paths.origin,
    "part_of_paths": lambda u, v: math.exp(u - v),
    **{name: getattr(path_numbers, name) for name in library("float64").defined if hasattr(path_numbers, name)},
    **{name: getattr(scaled_paths, name) for name in library("float64").defined if hasattr(scaled_paths, name)},
    "infinite_with": infinities.infinite_with,
    "is_finite": paths.is_finite,
    "zero_if_infinite": paths.zero_if_infinite,
    "less_log": lambda x, t: x - math.log(t),
    "log1p_unit": math.log1p,
    "hypot": math.hypot,
    "abs_power": lambda x, y: abs(x) ** y,
    "signed_power": lambda x, y: math.copysign(abs(x) ** y, x),
    "binade": lambda x: 2.0 ** math.floor(math.log2(x)),
    "reciprocal_or_zero": lambda x: 1 / x,
    **{
        name: getattr(differences, name)
        for name in (
            *("abs_difference", "abs_power_difference", "signed_power_difference"),
            *("root_difference", "where_near", "up_to_half"),
        )
    },
    "expm1_minus": lambda x: math.expm1(x) - x,
    "expm1_ratio": lambda x: x / math.expm1(x),
    "sum_of_three": lambda *terms: math.fsum(terms),
    "sum_of_four": lambda *terms: math.fsum(terms),
    "power": lambda x, y: x**y if x >= 0 else math.nan,
}

POINTS = [{"a": 0.7, "b": -1.25, "n": 3}, {"a": -2.5, "b": 0.375, "n": 0}, {"a": 1.5, "b": 4.0, "n": 2}]


def meaning(node: Expr) -> Expr:
    return (
        node.replace(lambda part: type(part) in MEANING, lambda part: MEANING[type(part)](*part.args))
        if node.args
        else node
    )


@pytest.mark.parametrize("node", EXPRESSIONS, ids=str)
def test_the_text_computes_the_expression(node):
    text = ExpressionPrinter()(node)
    for point in POINTS:
        found, expected = eval(text, {**NAMES, **point}), float(exact(meaning(node), point))
        assert math.isclose(found, expected, rel_tol=1e-13, abs_tol=1e-15), text


def test_the_list_goes_through_every_method():
    kinds = [*ExpressionPrinter.METHODS, *LIBRARY]
    met = [k.__name__ for k in kinds if any(node.atoms(k) if k is not Function else () for node in EXPRESSIONS)]
    assert sorted({k.__name__ for k in kinds} - set(met)) == ["Delta"]  # compares integers: see the row kernels


@pytest.mark.parametrize("node", EXPRESSIONS, ids=str)
def test_every_constant_has_the_kernels_type(node):
    """A bare 0.5 is a double, which would draw a float32 kernel into double precision."""
    tree = ast.parse(ExpressionPrinter()(node))
    wrapped = {
        id(arg)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "real"
        for arg in call.args
    }
    assert [c.value for c in ast.walk(tree) if isinstance(c, ast.Constant) and id(c) not in wrapped] == []


def test_a_difference_that_cancels_comes_first():
    """b + (a − c) as ((a − c) + b): no other term may come between."""
    assert ExpressionPrinter()(b + group(a - 1) + 2 * a).startswith("(a - one) + ")
    assert ExpressionPrinter()(b - group(a - 1)).startswith("-(a - one) + ")


def test_what_the_text_calls_is_in_the_library():
    """Path numbers are there in double precision alone, which is what recurrences are computed in."""
    for dtype in ("float32", "float64"):
        printer = ExpressionPrinter()
        for node in EXPRESSIONS:
            if dtype == "float64" or not node.has(PathFunction):
                printer(node)
        assert printer.used <= set(library(dtype).defined)


def test_nan_is_not_swallowed():
    assert math.isnan(eval(ExpressionPrinter()(at_least_tiny(a)), {**NAMES, "a": math.nan}))


def test_an_unknown_function_is_refused():
    with pytest.raises(SpecError, match=r"f in f\(a\) cannot be printed in a kernel"):
        ExpressionPrinter()(Pow(Function("f")(a), 2))
