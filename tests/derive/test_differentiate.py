"""Derivatives of every kind of node, and of made-up losses, against differences in 50-digit arithmetic."""

from typing import Any

import pytest
from exact import exact, slope
from mpmath import mpf
from sympy import Abs, Derivative, Expr, Function, Integer, Integral, Max, Min, Piecewise, exp, log, sign, sqrt, tanh

from lossgen.derive import Derivation
from lossgen.derive.differentiate import RULES, differentiate
from lossgen.formula import (
    Axis,
    Binary,
    ClassIndex,
    ClassWeight,
    Logit,
    LogSumExp,
    MaxOver,
    Parameter,
    Positive,
    Prediction,
    Probability,
    Real,
    Simplex,
    SpecError,
    Sum,
    Variant,
    absorb,
    detach,
    expm1,
    log1p,
    loss,
    sigmoid,
    softmax,
    softplus,
    xlogy,
)
from lossgen.formula.atoms import ATOMS, expm1_minus, expm1_ratio, log_cosh
from lossgen.formula.differences import relative_difference
from lossgen.formula.infinities import INFINITIES, infinite_with, is_finite, zero_if_infinite
from lossgen.formula.lengths import (
    LENGTHS,
    Norm,
    PowerNorm,
    abs_power,
    hypot,
    length_difference,
    ratio,
    rejection,
    signed_power,
    versine,
)
from lossgen.formula.likes import change, others_share, tangent_part
from lossgen.formula.nodes import Delta, Entry
from lossgen.formula.symbols import Argument, Hyperparameter

C, D = Axis("C"), Axis("D", place="features")
c, j, d = C.index(), C.index("j"), D.index()
k = C.index("k")

x, t = Argument("x", Prediction), Argument("t", Real)
g, f = Hyperparameter("g", Parameter), Function("f")
row, y = Argument("row", Logit[C]), Argument("y", ClassIndex[C])

ITEM = {
    "x": mpf("0.7"),
    "t": mpf("-1.3"),
    "g": mpf("2.5"),
    "row": [mpf("0.4"), mpf("-1.1"), mpf("2.3"), mpf("0.2")],
    "y": 2,
    "C": 4,
}


def along_x(leaf: Expr) -> Expr:
    """The seed of ∂/∂x."""
    return Integer(leaf == x)


#: Functions of x, at least one for each kind of node.
NUMBERS: dict[str, Expr] = {
    "sum": 3 * x + t - x**2,
    "product": x * t * exp(x) * x,
    "power": (x + 2) ** 5,
    "symbolic exponent": (x**2 + 1) ** g,
    "in the exponent": (t**2 + 1) ** (x * t),
    "in both": (x**2 + 1) ** x,
    "root": sqrt(1 + x**2),
    "quotient": t / (1 + x**4),
    "exp": exp(-(x**2)),
    "log": log(1 + x**2),
    "abs": Abs(x - 1) * x,
    "abs of a negative": Abs(t * x),
    "sign": sign(x - 1) * x**2,
    "larger": Max(x**2, t),
    "smaller": Min(x, t * x, 2) * x,
    "largest of three": Max(t, x, x**3) ** 2,
    "first case": Piecewise((x**2, x > t), (x**3, True)),
    "last case": Piecewise((x**2, x < t), (x**3, x < 0), (x**4, True)),
    "tanh": tanh(x * t),
    "sigmoid": sigmoid(2 * x),
    "softplus": softplus(-x),
    "log_cosh": log_cosh(x * t),
    "log1p": log1p(x**3),
    "an infinite value is 0": zero_if_infinite(x**3 * t) * x,
    "infinite with another value": infinite_with(x * t, x**3) * x,
    "beside what is finite": is_finite(t * g) * x**3,
    "expm1": expm1(x * t),
    "expm1_minus": expm1_minus(x**2),
    "expm1_ratio": expm1_ratio(x * t),
    "expm1_ratio_slope": ATOMS["expm1_ratio_slope"](x),
    "absorbed": absorb(x, log(x)),
    "absorbed by a target": absorb(t, log(x)),
    "xlogy": xlogy(x**2, x + 1),
    "beside what is detached": detach(t * g) * x**3,
    "parameter alone": g * t,
    "relative difference": relative_difference(x**2, x**2 + x * t),
    "relative difference from a number": relative_difference(x**2, t) + relative_difference(t, x**2),
    "hypot": hypot(x * t, 2),
    "ratio": ratio(x**2, x + t),
    "power of a size": abs_power(x * t - 5, g),
    "power with a sign": signed_power(x * t - 5, g),
    "versine": versine(x * t),
    "rejection": rejection(x, t * x, x**2),
    "difference of lengths": length_difference(x**2, x * t),
    "difference of likes": change(x**2, x * t),
}


@pytest.mark.parametrize("node", NUMBERS.values(), ids=NUMBERS)
def test_a_function_of_one_number(node):
    if node.has(ATOMS["expm1_ratio_slope"]):
        with pytest.raises(SpecError, match=r"expm1_ratio_slope in .* has no derivative of this order"):
            differentiate(node, along_x)
        return
    found = exact(differentiate(node, along_x), ITEM)
    assert close(found, slope(lambda value: exact(node, {**ITEM, "x": value}), ITEM["x"]), 1e-35)


def test_what_is_detached_is_a_constant():
    assert differentiate(detach(x**2) * x**3 + detach(exp(x)), along_x) == 3 * detach(x**2) * x**2


def test_every_atom_and_every_rule_is_met():
    found = [*NUMBERS.values(), *ROWS.values()]
    assert all(
        any(node.has(atom) for node in found) for atom in (*ATOMS.values(), *INFINITIES.values(), *LENGTHS.values())
    )
    assert all(any(node.atoms(kind) for node in found) for kind in RULES)


#: Functions of a row.
ROWS: dict[str, Expr] = {
    "sum": Sum(row[c] ** 3 * x, c),
    "log-sum-exp": LogSumExp(x * row[c] ** 2, c),
    "largest": MaxOver(row[c] ** 2, c) ** 2,
    "norm": Norm(row[c] * x - t, c) ** 3,
    "norm of a power": PowerNorm(abs_power(row[c] * x - t, g), c),
    "unit vector": Sum(ratio(row[c], Norm(row[j], j)) * (c + 1), c),
    "part along a sphere": Sum(tangent_part(row[c] ** 2, ratio(row[c], Norm(row[j], j)), x) * (c + 1), c),
    "share of other entries": Sum(others_share(ratio(row[c], Norm(row[j], j)), 2) * (c + 1), c),
    "share of other entries of a p-norm": Sum(
        others_share(ratio(row[c], PowerNorm(abs_power(row[j], g), j)), g) * (c + 1), c
    ),
    "entry at the class": row[y] ** 2 * Sum(row[c], c),
    "one-hot": Sum((row[c] - y[c]) ** 2 * (2 + y[c]), c),
    "a sum in a sum": Sum(exp(row[c] / 2) * Sum(row[j] ** 2, j), c),
    "variance": Sum((row[c] - Sum(row[j], j) / C.size) ** 2, c),
    "pairs": Sum(Sum((row[c] - row[j]) ** 4, j), c),
    "pairs, smooth": Sum(log(Sum(exp((row[c] - row[j]) ** 2), j)), c),
    "softmax": softmax(row, y) ** g,
    "cases": Sum(Piecewise((row[c] ** 2, row[c] > row[y]), (row[c] * row[y], True)), c),
    "max in a sum": Sum(Max(0, 1 + row[c] - row[y]) ** 2 * (1 - y[c]), c),
    "a weight made of positions": Sum((c - y) ** 2 * softmax(row, c), c),
}


@pytest.mark.parametrize("node", ROWS.values(), ids=ROWS)
def test_a_function_of_a_row_along_a_direction_and_at_an_entry(node):
    direction = Argument("v", Logit[C])
    v = [mpf("0.3"), mpf("1.7"), mpf("-0.6"), mpf("0.9")]

    def moved(by, step):
        return exact(node, {**ITEM, "row": [a + step * b for a, b in zip(ITEM["row"], by, strict=True)]})

    slope_of_node = differentiate(
        node, lambda leaf: Entry(direction, leaf.index) if isinstance(leaf, Entry) else Integer(0)
    )
    assert close(exact(slope_of_node, {**ITEM, "v": v}), slope(lambda s: moved(v, s), mpf(0)), 1e-35)
    at_entry = differentiate(node, lambda leaf: Delta(leaf.index, k) if isinstance(leaf, Entry) else Integer(0))
    for position in range(4):
        unit = [int(i == position) for i in range(4)]
        assert close(exact(at_entry, ITEM, {k: position}), slope(lambda s, u=unit: moved(u, s), mpf(0)), 1e-35)


def test_a_tie_of_the_largest_shares_the_slope():
    node = differentiate(MaxOver(row[c], c), lambda leaf: Delta(leaf.index, k))
    tied = {**ITEM, "row": [1, 3, 3, 0]}
    assert [exact(node, tied, {k: i}) for i in range(4)] == [0, mpf("0.5"), mpf("0.5"), 0]


def test_a_target_of_0_hides_an_infinite_slope_and_curvature():
    node = absorb(t, log(x))
    first = differentiate(node, along_x)
    second = differentiate(first, along_x)
    assert exact(first, {"t": 0, "x": 0}) == 0 and exact(second, {"t": 0, "x": 0}) == 0
    assert exact(first, {"t": 2, "x": 4}) == mpf("0.5") and exact(second, {"t": 2, "x": 4}) == mpf("-0.125")


@pytest.mark.parametrize("node", [Derivative(f(x), x), Integral(x, (x, 0, x))])
def test_what_has_no_derivative_names_the_node(node):
    with pytest.raises(SpecError, match=rf"^no derivative of {node.func.__name__} in "):
        differentiate(node, along_x)


def test_what_has_no_derivative_names_the_loss():
    (variant,) = two_towers.variants
    slope_of_ratio = Variant(
        "", variant.arguments, ATOMS["expm1_ratio_slope"](variant.arguments[0]), variant.normalizer
    )
    with pytest.raises(
        SpecError, match=r"^made_up: expm1_ratio_slope in expm1_ratio_slope\(u\) has no derivative of this order$"
    ):
        _ = Derivation("made_up", slope_of_ratio).gradient


# Losses nobody uses: gradient and curvature of the stable form against the raw formula.


@loss
def spread(row: Prediction[C], t: Real[C], w: ClassWeight[C] = 1):
    """A weighted variance of the errors about their mean."""
    mean = Sum(row[j] - t[j], j) / C.size
    return Sum(w[c] * (row[c] - t[c] - mean) ** 2, c)


@loss
def two_towers(
    u: Prediction, row: Logit[C], z: Prediction[D], y: ClassIndex[C], w: ClassWeight[C] = 1, a: Positive = 2
):
    """Two axes, an item's own number, class weights at the class and in a sum."""
    return w[y] * (log(Sum(w[c] * exp(row[c] / a), c)) - row[y] / a) * Sum(z[d] ** 2, d) * exp(u) + sigmoid(u) * z_norm(
        z
    )


def z_norm(z):
    return sqrt(1 + Sum(z[d] ** 2, d))


@loss
def ranking(row: Logit[C], t: Real[C]):
    """Pairs of entries in the order of their targets."""
    return Sum(Sum(Piecewise((softplus(row[j] - row[c]), t[c] > t[j]), (0, True)), j), c) / C.size**2


@loss
def brier_like(row: Logit[C], y: ClassIndex[C], g: Positive = 1.5):
    """The softmax against the one-hot class, entry by entry."""
    return Sum((softmax(row, c) - y[c]) ** 2, c) - (1 - softmax(row, y)) ** g * log(softmax(row, y))


@loss
def divergence(row: Probability[C], t: Simplex[C], b: Binary):
    """Probabilities as they are, switched by a label."""
    return Sum(xlogy(t[c], t[c]) - b * t[c] * log(row[c]) - (1 - b) * (1 - t[c]) * log(1 - row[c]), c)


@loss
def smooth_max(row: Prediction[C], t: Real, a: Positive = 3):
    """A temperature, a norm and a cosine-like quotient."""
    return (log(Sum(exp(a * row[c]), c)) / a - t) ** 2 / sqrt(1 + Sum(row[c] ** 2, c))


POINT: dict[str, Any] = {
    "row": [mpf("0.4"), mpf("-1.1"), mpf("2.3"), mpf("0.2")],
    "t": [mpf("0.3"), mpf("-0.7"), mpf("1.9"), mpf("0.6")],
    "w": [mpf("0.5"), mpf(2), mpf("1.5"), mpf("0.8")],
    "z": [mpf("0.9"), mpf("-0.4"), mpf("1.2")],
    "u": mpf("0.35"),
    "y": 2,
    "C": 4,
    "D": 3,
}
PROBABILITIES = {
    "row": [mpf("0.4"), mpf("0.1"), mpf("0.3"), mpf("0.2")],
    "t": [mpf("0.25"), mpf("0.5"), mpf(0), mpf("0.25")],
    "b": 1,
    "C": 4,
}

LOSSES = {
    "spread": (spread, POINT),
    "two_towers": (two_towers, {**POINT, "a": 2}),
    "ranking": (ranking, POINT),
    "brier_like": (brier_like, {**POINT, "g": mpf("1.5")}),
    "divergence": (divergence, PROBABILITIES),
    "smooth_max": (smooth_max, {**POINT, "t": mpf("0.5"), "a": 3}),
}


def entries(argument: Argument, point: dict[str, Any]) -> list[int | None]:
    """The positions of the argument's entries; None where it is one number."""
    return list(range(len(point[argument.name]))) if argument.role.layout in ("row", "shared") else [None]


def moved_value(variant: Variant, point: dict[str, Any], argument: Argument, at: int | None):
    """The raw formula as a function of one entry."""

    def value(number):
        given = number if at is None else [number if i == at else n for i, n in enumerate(point[argument.name])]
        return exact(variant.expression, {**point, argument.name: given})

    return value


def read(result, point: dict[str, Any], at: int | None):
    """A derived result at a position: at the label's own entry in the form that it has there."""
    if result.at_label is not None and point[result.label.name] == at:
        return exact(result.at_label, point)
    return exact(result.generic, point, {} if result.index is None else {result.index: at})


def at(point, argument, position):
    return point[argument.name] if position is None else point[argument.name][position]


@pytest.mark.parametrize("made_up, point", LOSSES.values(), ids=LOSSES)
def test_gradient_and_hessian_diagonal(made_up, point):
    (variant,) = made_up.variants
    derivation = Derivation(made_up.name, variant)
    assert close(exact(derivation.value, point), exact(variant.expression, point), 1e-40)
    for results, order, error in ((derivation.gradient, 1, 1e-30), (derivation.hessian_diagonal, 2, 1e-15)):
        for result in results:
            for position in entries(result.argument, point):
                expected = slope(
                    moved_value(variant, point, result.argument, position), at(point, result.argument, position), order
                )
                if at(point, result.argument, position) != 0:  # the target's own entropy has no slope at 0
                    assert close(read(result, point, position), expected, error), (result.argument, position)


def direction(arguments, point, seed: int) -> dict[str, Any]:
    """Numbers laid out like the arguments, by the name of the direction."""

    def number(i):
        return mpf((seed * 37 + i * 61) % 19 - 9) / 7

    return {
        f"direction_{a.name}": [number(i + n) for i in range(len(point[a.name]))]
        if entries(a, point) != [None]
        else number(n)
        for n, a in enumerate(arguments)
    }


@pytest.mark.parametrize("made_up, point", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("which", ["predictions", "differentiable"])
def test_curvature_is_the_slope_of_the_gradient_and_symmetric(made_up, point, which):
    (variant,) = made_up.variants
    point = {**point, "t": [n or mpf("0.1") for n in point["t"]]} if isinstance(point.get("t"), list) else point
    arguments = getattr(variant, which)
    derivation = Derivation(made_up.name, variant)
    curvature = derivation.curvature(arguments)
    v, w = direction(arguments, point, 1), direction(arguments, point, 4)

    def along_both(a, b):
        moved = {}
        for argument in arguments:
            p, dv, dw = point[argument.name], v[f"direction_{argument.name}"], w[f"direction_{argument.name}"]
            moved[argument.name] = (
                p + a * dv + b * dw
                if entries(argument, point) == [None]
                else [n + a * m + b * o for n, m, o in zip(p, dv, dw, strict=True)]
            )
        return exact(variant.expression, {**point, **moved})

    assert close(exact(curvature.slope, {**point, **v}), slope(lambda s: along_both(s, 0), mpf(0)), 1e-30)

    def product(first, second):
        """⟨second, H·first⟩"""
        total = mpf(0)
        for result in curvature.products:
            for position in entries(result.argument, point):
                factor = second[f"direction_{result.argument.name}"]
                total += read(result, {**point, **first}, position) * (factor if position is None else factor[position])
        return total

    assert close(product(v, w), product(w, v), 1e-40)
    expected = slope(lambda b: slope(lambda a: along_both(a, b), mpf(0)), mpf(0))
    assert close(product(v, w), expected, 1e-20)


def close(found: Any, expected: Any, error: float) -> bool:
    return abs(found - expected) <= error * (1 + abs(expected))
