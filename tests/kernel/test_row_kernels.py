"""Kernels of formulas that nobody asked for, with loops over axes: value and gradient against the raw formula."""

import mpmath
import numpy as np
import pytest
from rendered import Rendered, check_against_the_formula, exact_gradient

from lossgen.formula import (
    Axis,
    Binary,
    ClassIndex,
    ClassWeight,
    Fraction,
    Logit,
    Max,
    MaxOver,
    Parameter,
    Piecewise,
    Positive,
    Prediction,
    Real,
    SpecError,
    Sum,
    Weight,
    exp,
    log,
    loss,
    sigmoid,
    softmax,
    softplus,
    sqrt,
    tanh,
)

C, D = Axis("C"), Axis("D", place="features")
c, j, d = C.index(), C.index("j"), D.index()


@loss
def generalised(x: Logit[C], y: ClassIndex[C], q: Positive = 0.7):
    """Generalised cross-entropy."""
    return (1 - softmax(x, y) ** q) / q


@loss
def margin_softmax(x: Logit[C], y: ClassIndex[C], T: Positive = 0.5, m: Parameter = 0.3, eps: Fraction = 0.1):
    """Temperature, a margin on the class's own logit, smoothed labels."""
    z = [(x[i] - m * y[i]) / T for i in (c, j)]
    return -Sum(((1 - eps) * y[c] + eps / C.size) * (z[0] - log(Sum(exp(z[1]), j))), c)


@loss
def ordinal(x: Logit[C], y: ClassIndex[C], w: ClassWeight[C] = 1):
    """Positions as numbers, and class weights at the class and in the sum."""
    return w[y] * Sum(w[c] * softmax(x, c) * (c - y) ** 2, c) + Sum(Max(0, 1 - (2 * y[c] - 1) * x[c]), c)


@loss
def two_rows(
    spread: Prediction,
    mu: Prediction[C],
    var: Prediction[C],
    t: Real[C],
    bits: Binary[C],
    z: Prediction[D],
    u: Weight = 1,
):
    """Item and row arguments together, a largest entry, two axes."""
    fit = Sum((mu[c] - t[c]) ** 2 * exp(-var[c]) + var[c] - bits[c] * log(sigmoid(var[c])), c) / 2
    return u * (exp(-spread) * fit + MaxOver(softplus(mu[c]) * t[c], c) + C.size * spread) + D.size * log(
        Sum(exp(z[d]), d)
    )


@loss
def pairs(k: Prediction[C], c: Real[C], j: Parameter = 2):
    """Pairs of entries, in the order of their targets, with arguments named as loops are; a maximum for each entry."""
    a, b = C.index("a"), C.index("b")
    order = Sum(Sum(Piecewise((softplus(k[b] - k[a]), c[a] > c[b]), (0, True)), b), a)
    return order * j + Sum(MaxOver(k[b] * c[a], b), a) + Sum(log(Sum(exp(-((k[a] - k[b]) ** 2)), b)), a)


@loss
def switched(x: Prediction[C], a: Parameter = 0, b: Parameter = 0, e: Parameter = 0):
    """Terms that a hyperparameter of 0 switches off."""
    return (
        Sum(x[c] ** 2, c)
        + a * log(Sum(x[c] ** 4, c))
        + a * MaxOver(x[c] ** 2, c)
        + b * log(Sum(exp(x[c]), c))
        + e * (Sum(exp(x[c] ** 4), c) + sqrt(Sum(x[c] ** 2, c)))
    )


@loss
def weighted(x: Prediction, y: ClassIndex[C], w: ClassWeight[C]):
    """Only the class weights say how many classes there are."""
    return w[y] * (x - 1) ** 2


@pytest.fixture
def data(rng):
    x, t = rng.normal(size=(2, 3, 5))
    return {
        "x": 2 * x,
        "y": np.array([0, 4, 2]),
        "w": rng.random(5) + 0.5,
        "t": t,
        "mu": x,
        "var": t - x,
        "spread": x[:, 0],
        "bits": (t > 0) * 1.0,
        "z": rng.normal(size=(3, 4)),
        "u": rng.random(3),
        "k": x,
        "c": t,
    }


@pytest.mark.parametrize("made_up", [generalised, margin_softmax, ordinal, two_rows, pairs])
def test_value_and_gradient(made_up, tmp_path, data):
    check_against_the_formula(Rendered(made_up, tmp_path), data)


def test_switched_off_terms_are_0_and_the_others_are_not(tmp_path, data):
    rendered = Rendered(switched, tmp_path)
    check_against_the_formula(rendered, {"x": data["x"]})
    check_against_the_formula(rendered, {"x": data["x"] / 4, "a": 0.5, "b": 2, "e": 0.25})
    big = np.array([[0.0, 0.0], [40.0, -1.0]])
    values, gradients, _ = rendered("evaluate", {"x": big})
    np.testing.assert_allclose(values, [0, 1601])
    np.testing.assert_allclose(gradients["x"][1], 2 * big[1])


def test_class_weights_alone_give_the_length(tmp_path, data):
    rendered = Rendered(weighted, tmp_path)
    data = {"x": data["t"][:, 0], "y": data["y"], "w": data["w"]}
    check_against_the_formula(rendered, data)
    assert rendered("evaluate", {**data, "y": np.array([0, 5, 2])})[2] == 2


def test_an_axis_of_unknown_length_is_refused(tmp_path):
    @loss
    def lengthless(x: Prediction, y: ClassIndex[C], w: ClassWeight[C] = 1):
        """A loss."""
        return w[y] * x**2

    with pytest.raises(SpecError, match="lengthless: axis C: no required argument has entries over it"):
        Rendered(lengthless, tmp_path)


@pytest.mark.parametrize("name", ["i", "zero", "real", "power", "values"])
def test_an_axis_named_as_kernels_name_things_is_refused(tmp_path, name):
    axis = Axis(name)

    @loss
    def taken(x: Prediction[axis]):
        """A loss."""
        return Sum(x[axis.index("a")] ** 2, axis.index("a"))

    with pytest.raises(SpecError, match=f"taken: axis {name}: kernels use this name themselves; choose another"):
        Rendered(taken, tmp_path)


def test_two_axes_of_one_name_are_refused(tmp_path):
    other = Axis("C", place="features")

    @loss
    def mixed(x: Prediction[C], z: Prediction[other]):
        """A loss."""
        return Sum(x[c] ** 2, c) + Sum(z[other.index()], other.index())

    with pytest.raises(SpecError, match="mixed: two axes are called C"):
        Rendered(mixed, tmp_path)


def test_indices_may_be_called_as_other_things(tmp_path, data):
    """The axes I, K and k: their indices would be the item's own, the output's, and each other's."""
    I_, K, k = Axis("I"), Axis("K"), Axis("k", place="features")
    i, m, n = I_.index(), K.index(), k.index()

    @loss
    def letters(a: Prediction[I_], b: Prediction[K], e: Real[k]):
        """A loss."""
        return log(Sum(exp(a[i]), i)) * Sum(Sum((b[m] - e[n]) ** 2, n), m)

    check_against_the_formula(Rendered(letters, tmp_path), {"a": data["x"], "b": data["t"], "e": data["z"]})


def test_confident_rows_keep_their_digits(tmp_path):
    """One class far ahead, two that tie, and entries that are −∞ for a float32."""
    rendered = Rendered(margin_softmax, tmp_path)
    data = {
        "x": np.array([[50.0, -300, 0], [7, 7, -40], [-1e4, 3, 2]]),
        "y": np.array([0, 1, 1]),
        "m": 0.0,
        "T": 1.0,
        "eps": 0.0,
    }
    values, gradients, _ = rendered("evaluate", data)
    np.testing.assert_allclose(values, [float(v) for v in rendered.exact_values(data)], rtol=1e-14)
    x = rendered.variant.predictions[0]
    np.testing.assert_allclose(gradients["x"], exact_gradient(rendered, data, x), rtol=1e-12, atol=1e-30)


def test_shares_keep_their_digits_where_the_difference_from_the_largest_is_not_exact(tmp_path):
    """x − m rounds to a unit of 30 where x and m have bits below it; e^(x − m) would be off by as much as 16 units."""

    @loss
    def plain(x: Logit[C], y: ClassIndex[C]):
        """Cross-entropy."""
        return -log(softmax(x, y))

    rng = np.random.default_rng(5)
    x = rng.uniform(-1, 1, (12, 8)).astype(np.float32)
    x[:, 0] += np.float32(30)
    x[::3] -= np.float32(30)
    rendered = Rendered(plain, tmp_path, dtype="float32")
    data = {"x": x, "y": np.arange(12) % 4}
    values, gradients, _ = rendered("evaluate", data)
    for got, exact in (
        (values, rendered.exact_values(data)),
        (gradients["x"], exact_gradient(rendered, data, x_of(rendered))),
    ):
        exact = np.array(exact, float)
        np.testing.assert_array_less(np.abs(got - exact), 5 * np.spacing(np.abs(exact.astype(np.float32))))


@pytest.mark.parametrize("dtype, error", [("float32", 1e-6), ("float64", 1e-12)])
def test_the_curvature_of_computed_logits_keeps_its_digits_in_a_confident_row(tmp_path, dtype, error):
    """The product with a direction is a difference of two numbers near 1 times the other classes' share, 1e-13 or less."""

    @loss
    def capped(x: Logit[C], y: ClassIndex[C], cap: Positive = 30):
        """Cross-entropy of capped logits."""
        return log(Sum(exp(cap * tanh(x[c] / cap)), c)) - cap * tanh(x[y] / cap)

    def gradient(at):
        z = [30 * mpmath.tanh(t / 30) for t in at]
        total = mpmath.fsum(mpmath.exp(t) for t in z)
        return [
            (mpmath.exp(t) / total - (k == 0)) * mpmath.sech(u / 30) ** 2
            for k, (t, u) in enumerate(zip(z, at, strict=True))
        ]

    x, v = np.array([[45.0, 0.25, -0.5, 1.0]]), np.array([[0.75, 1.25, 0.5, 1.5]])
    rendered = Rendered(capped, tmp_path, dtype=dtype)
    product = rendered("hvp", {"x": x, "y": np.array([0])}, [v])[1]["x"][0]
    with mpmath.workdps(60):
        ends = [
            gradient([mpmath.mpf(t) + s * mpmath.mpf(10) ** -20 * d for t, d in zip(x[0], v[0], strict=True)])
            for s in (1, -1)
        ]
        exact = [float((a - b) / (2 * mpmath.mpf(10) ** -20)) for a, b in zip(*ends, strict=True)]
    np.testing.assert_allclose(product, exact, rtol=error)


def x_of(rendered: Rendered):
    """The loss's prediction."""
    return rendered.variant.predictions[0]


def test_the_hessian_times_a_direction_and_its_diagonal(tmp_path, data):
    """Of a loss with nested sums: the product is symmetric, and unit directions give the diagonal."""
    rendered = Rendered(ordinal, tmp_path)
    given = {"x": data["x"], "y": data["y"], "w": data["w"]}
    v, w = data["t"], data["bits"] - 0.3
    product = rendered("hvp", given, [v])[1]["x"]
    np.testing.assert_allclose((product * w).sum(1), (rendered("hvp", given, [w])[1]["x"] * v).sum(1), rtol=1e-12)
    step = 1e-5
    ahead, behind = (rendered("evaluate", {**given, "x": data["x"] + s * v})[1]["x"] for s in (step, -step))
    np.testing.assert_allclose(product, (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8)
    diagonal = rendered("hessian_diagonal", given)[1]["x"]
    units = np.eye(5)
    for entry in range(5):
        unit = np.tile(units[entry], (3, 1))
        np.testing.assert_allclose(
            diagonal[:, entry], rendered("hvp", given, [unit])[1]["x"][:, entry], rtol=1e-10, atol=1e-13
        )
