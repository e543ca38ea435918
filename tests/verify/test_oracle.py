"""The oracle against closed forms worked out by hand, and the comparison against kernels that are wrong on purpose."""

from pathlib import Path

import mpmath
import numpy as np
import pytest
import torch
from mpmath import mp, mpf
from sympy import Max as Largest
from sympy import Min, Piecewise

import lossgen
from lossgen.formula import (
    Axis,
    ClassIndex,
    Logit,
    Prediction,
    Real,
    Simplex,
    Sum,
    Unit,
    log,
    loss,
    sigmoid,
    softmax,
)
from lossgen.formula.atoms import absorb, expm1_ratio, xlogy
from lossgen.formula.load import load_losses
from lossgen.formula.symbols import Argument
from lossgen.verify import oracle
from lossgen.verify.comparison import compare
from lossgen.verify.exact import environments
from lossgen.verify.plain_torch import evaluate
from lossgen.verify.sampling import random_items, settings, sizes_for
from lossgen.verify.surfaces import OnArrays

C = Axis("C")
c = C.index()


@loss
def bce(input: Logit, target: Unit):
    """Binary cross-entropy."""
    p = sigmoid(input)
    return -(target * log(p) + (1 - target) * log(1 - p))


@loss
def ce(input: Logit[C], target: ClassIndex[C]):
    """Cross-entropy."""
    return -log(softmax(input, target))


@loss
def soft_ce(input: Logit[C], target: Simplex[C]):
    """Cross-entropy with class probabilities."""
    return -Sum(target[c] * log(softmax(input, c)), c)


@loss
def square(input: Prediction, target: Real):
    """The squared error."""
    return (input - target) ** 2


def formula(a_loss):
    return a_loss.variants[0].expression


@pytest.mark.parametrize("x", ["0", "3", "-40", "90", "10000", "-10000"])
@pytest.mark.parametrize("y", [0, 1, 0.25])
def test_binary_cross_entropy_in_saturation(x, y):
    item = {"input": mpf(x), "target": mpf(y)}
    with mp.workdps(60):
        tail = mpmath.log1p(mpmath.exp(-abs(mpf(x))))  # log(1 + e^-|x|), which is how the tails are known
        value = y * (max(-mpf(x), 0) + tail) + (1 - y) * (max(mpf(x), 0) + tail)
        p = 1 / (1 + mpmath.exp(-mpf(x)))
        complement = 1 / (1 + mpmath.exp(mpf(x)))
        slope = (1 - y) * p - y * complement
        assert mpmath.almosteq(oracle.value(formula(bce), item), value, 1e-28)
        assert mpmath.almosteq(oracle.gradient(formula(bce), item, "input")[0], slope, 1e-28, 1e-300)
        assert mpmath.almosteq(oracle.second_derivative(formula(bce), item, "input")[0], p * complement, 1e-20, 1e-300)


def test_softmax_gradient_and_curvature():
    row, direction = [mpf("1"), mpf("-2"), mpf("0.5")], [mpf("0.3"), mpf("1"), mpf("-1")]
    item = {"input": row, "target": 2, "C": 3}
    with mp.workdps(60):
        p = [mpmath.exp(x) / sum(mpmath.exp(z) for z in row) for x in row]
        mean = sum(pk * v for pk, v in zip(p, direction, strict=True))
        found = oracle.gradient(formula(ce), item, "input")
        bent = oracle.curvature(formula(ce), item, {"input": direction}, "input")
        for k in range(3):
            assert mpmath.almosteq(found[k], p[k] - (k == 2), 1e-28)
            assert mpmath.almosteq(bent[k], p[k] * (direction[k] - mean), 1e-20)


def test_zero_times_log_zero_is_zero():
    item = {"input": [mpf(20000), mpf(0)], "target": [mpf(1), mpf(0)], "C": 2}
    assert oracle.value(formula(soft_ce), item) < mpf(10) ** -330


class Wrong:
    """The squared error with one mistake at a time."""

    def __init__(self, value=1.0, gradient=1.0, curvature=1.0):
        self.factors = value, gradient, curvature

    def __call__(self, input, target, reduction):
        return self.factors[0] * (input - target) ** 2

    def value_and_grad(self, input, target, reduction, wrt):
        slope = self.factors[1] * 2 * (input - target)
        return 0.0, tuple({"input": slope, "target": -slope}[name] for name in wrt)

    def hvp(self, input, target, direction, reduction):
        return self.factors[2] * 2 * direction

    def hessian_diagonal(self, input, target, reduction):
        return np.full_like(input, 2)


@pytest.mark.parametrize(
    "mistake, quantity",
    [
        ({}, None),
        ({"value": 1 + 1e-9}, "value"),
        ({"gradient": -1.0}, "gradient of input"),
        ({"curvature": 1.001}, "Hessian · direction, input"),
    ],
)
def test_the_comparison_sees_mistakes(mistake, quantity):
    arrays = {"input": np.array([0.5, -1.25, 3.0]), "target": np.array([0.0, 2.0, -1.0])}
    figures = list(compare(square, square.variants[0], [OnArrays(Wrong(**mistake))], arrays, {}, np.float64))
    off = [f.quantity for f in figures if f.excess > 1]
    assert off == ([] if quantity is None else [q for q in off if q.startswith(quantity.split(" of ")[0])])
    assert quantity is None or quantity in off


def test_the_comparison_counts_what_is_not_finite():
    class Broken(Wrong):
        def __call__(self, input, target, reduction):
            return np.full_like(input, np.nan)

    arrays = {"input": np.zeros(2), "target": np.zeros(2)}
    figure = next(compare(square, square.variants[0], [OnArrays(Broken())], arrays, {}, np.float64))
    assert figure.quantity == "value" and figure.nonfinite == 2


def test_torch_evaluates_the_same_formulas():
    x = torch.tensor([[1.0, -2.0, 0.5], [0.1, 0.2, 0.3]], dtype=torch.float64)
    t = torch.tensor([2, 0])
    expected = torch.nn.functional.cross_entropy(x, t, reduction="none")
    assert torch.allclose(evaluate(formula(ce), {"input": x, "target": t, "C": 3}), expected, rtol=1e-14)


LOSSES = load_losses(Path(lossgen.__file__).parent.parent / "spec")
CASES = [pytest.param(loss, v, id=f"{loss.name}-{v.label}") for loss in LOSSES.values() for v in loss.variants]


@pytest.mark.parametrize("loss, variant", CASES)
def test_derivatives_are_those_of_differences(loss, variant):
    """Value, gradients and curvature of the raw formula, by rules of calculus and by values alone, on an ordinary item."""
    sizes = sizes_for(variant) if variant.filled else {axis.name: 2 + k for k, axis in enumerate(variant.axes)}
    wrt, names = [a.name for a in variant.differentiable], [a.name for a in variant.predictions]
    for seed in range(9):
        arrays = random_items(variant, np.random.default_rng(seed), 1, sizes)
        (item,) = environments(variant, arrays, settings(loss, variant)[0])
        along = {
            n: [mpf(k + 1) / 3 for k in range(len(item[n]))] if isinstance(item[n], list) else mpf(2) for n in names
        }
        found, *others = oracle.truths(variant.expression, item, wrt, along)
        if not others:  # no kink here, where differences would be of two pieces
            break
    assert not others
    expected = oracle.by_differences(variant.expression, item, wrt, along)
    for x, y in zip(found.numbers(), expected.numbers(), strict=True):
        assert mpmath.almosteq(x, y, mpf(10) ** -25, mpf(10) ** -25)


@pytest.mark.parametrize("x, slopes", [(1, {0}), (-1, {-1}), (0, {0, -1})])
def test_at_a_kink_there_is_a_slope_for_each_side(x, slopes):
    u = Argument("u", Prediction)
    for ramp in (Largest(-u, 0), -Min(u, 0), Piecewise((-u, u < 0), (0, True)), Piecewise((0, u >= 0), (-u, True))):
        found = oracle.truths(ramp, {"u": mpf(x)}, ["u"])
        assert {int(t.gradient["u"][0]) for t in found} == slopes and {t.value for t in found} == {max(-x, 0)}


def test_beside_a_gap_in_the_formula_differences_stand_in():
    u = Argument("u", Prediction)
    for x, slope in ((0, -0.5), (mpf(10) ** -400, -0.5)):
        assert mpmath.almosteq(oracle.gradient(expm1_ratio(u), {"u": mpf(x)}, "u")[0], slope, mpf(10) ** -20)


def test_what_no_prediction_enters_settles_a_product():
    q, p = Argument("q", Unit), Argument("p", Prediction)
    item = {"q": mpf(0), "p": mpf(0)}
    for product in (q * log(p), absorb(q, log(p)), xlogy(q, p)):
        (truth,) = oracle.truths(product, item, ["q", "p"])
        assert truth.value == 0 and truth.gradient["p"] == [0] and truth.gradient["q"] == [-mpmath.inf]
