"""Kernels of formulas that nobody asked for, with one number per item: value and gradient against the raw formula."""

import numpy as np
import pytest
from rendered import Rendered, check_against_the_formula

from lossgen.formula import (
    Abs,
    Binary,
    Max,
    Min,
    NonNegative,
    Parameter,
    Piecewise,
    Positive,
    Prediction,
    Probability,
    Real,
    Sign,
    Unit,
    Weight,
    exp,
    log,
    loss,
    pi,
    sigmoid,
    sign,
    sqrt,
    tanh,
)


@loss
def log_cosh(x: Prediction, t: Real):
    """The plain definition, which overflows as it stands."""
    error = x - t
    return log((exp(error) + exp(-error)) / 2)


@loss
def student(x: Prediction, t: Real, scale: Positive = 1.5, nu: Positive = 3):
    """Constants, a logarithm of a hyperparameter, and names that kernels use."""
    e = (x - t) / scale
    return (nu + 1) / 2 * log(1 + e**2 / nu) + log(pi * nu) / 2 + log(scale)


@loss
def cases(x: Prediction, t: Real, delta: Positive = 1):
    """Huber by cases, a pinball, a clip and a smooth sign."""
    e = Abs(x - t)
    pinball = Max(0.3 * (x - t), -0.7 * (x - t))
    return (
        Piecewise((e**2 / 2, e <= delta), (delta * (e - delta / 2), True)) + pinball + Min(x**2, 4) + tanh(x) * sign(t)
    )


@loss
def powers(x: Prediction, t: Real, b: Positive = 2):
    """Powers of negative numbers, fractional powers, and a divisor that is a negative product."""
    e = x - t
    ratio = e**3 / (-b * (1 + exp(t)))
    return (
        e**5
        + e**6
        + e**2.0
        + Abs(x) ** 1.5
        + (x**2 + 1) ** (-1.5)
        + sqrt(1 + e**2)
        + ratio
        + (1 + e**2) ** -2
        + (x**2 + 1) ** b
    )


@loss
def named(
    exp: Prediction,
    log: Real,
    power: Weight = 1,
    add: Positive = 2,
    real: Parameter = 1,
    zero: Parameter = 0,
    n: Parameter = 1,
    scale: NonNegative = 3,
    i: Binary = 1,
    x_i: Weight = 1,
    min: Parameter = 1,
    TINY: Real = 1,
    start: Weight = 1,
):
    """Every name is one that a kernel uses itself."""
    value = tanh((exp - log) * add)
    e_1 = power * value**2
    return e_1 * min + real + zero * scale + n * sigmoid(exp) * i * x_i * TINY * start


@loss
def probability(p: Probability, t: Unit):
    """Cross-entropy of probabilities as they are."""
    return -t * log(p) - (1 - t) * log(1 - p)


@loss
def margin(x: Prediction, y: Sign):
    """A margin."""
    return Max(0, 1 - x * y)


@pytest.mark.parametrize("made_up", [log_cosh, student, cases, powers])
def test_value_and_gradient(made_up, tmp_path, rng):
    data = {"x": 2 * rng.normal(size=5), "t": rng.normal(size=5)}
    check_against_the_formula(Rendered(made_up, tmp_path), data)


def test_arguments_may_have_any_name(tmp_path, rng):
    data = {
        "exp": rng.normal(size=4),
        "log": rng.normal(size=4),
        "power": rng.random(4),
        "i": np.array([0, 1, 1, 0]),
        "start": rng.random(4),
    }
    rendered = Rendered(named, tmp_path)
    check_against_the_formula(rendered, data)
    assert rendered("evaluate", {**data, "i": np.array([0, 1, 2, 0])})[2] == 1 << 3


def test_a_sign_is_minus_one_or_one(tmp_path):
    rendered = Rendered(margin, tmp_path)
    values, gradients, fault = rendered("evaluate", {"x": np.array([0.5, 0.5, 3]), "y": np.array([1.0, -1, 1])})
    assert values.tolist() == [0.5, 1.5, 0] and gradients["x"].tolist() == [-1, 1, 0] and not fault
    for wrong in (0, np.nan, 2):
        assert rendered("evaluate", {"x": np.ones(2), "y": np.array([-1, wrong])})[2] == 1 << 1


def test_far_out_nothing_overflows_or_cancels(tmp_path):
    data = {"x": np.array([800.0, -1e6, 1e-9, 0.0]), "t": np.zeros(4)}
    values, gradients, _ = Rendered(log_cosh, tmp_path)("evaluate", data)
    np.testing.assert_allclose(values[:2], [800 - np.log(2), 1e6 - np.log(2)], rtol=1e-15)
    np.testing.assert_allclose(gradients["x"], np.tanh(data["x"]), rtol=1e-14)


def test_a_target_of_0_at_a_probability_of_0(tmp_path):
    rendered = Rendered(probability, tmp_path)
    data = {"p": np.array([0, 1, 0.25, 0.5]), "t": np.array([0, 1, 0, 0.5])}
    values, gradients, _ = rendered("evaluate", data)
    np.testing.assert_allclose(values, [0, 0, -np.log(0.75), np.log(2)], atol=1e-15)
    np.testing.assert_allclose(gradients["p"], [1, -1, 1 / 0.75, 0], atol=1e-15)
    np.testing.assert_allclose(rendered("hessian_diagonal", data)[1]["p"], [1, 1, 1 / 0.75**2, 4], atol=1e-15)


def test_an_item_of_scale_0_counts_nothing_whatever_it_holds(tmp_path):
    data = {"x": np.array([np.nan, 2.0, np.inf, -1.0]), "t": np.zeros(4)}
    values, _, _ = Rendered(cases, tmp_path)("evaluate", data, item_scale=[0, 2, 0, 1])
    assert values[0] == values[2] == 0 and np.isfinite(values).all()
