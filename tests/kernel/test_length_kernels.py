"""Norms in kernels: what entries of float32 are computed in, the scaling of float64, the forms that keep digits."""

import numpy as np
import pytest
from exact import exact
from mpmath import mpf
from rendered import Rendered, check_against_the_formula

from lossgen.formula import Abs, Axis, Max, NonNegative, Positive, Prediction, Real, Sum, exp, loss, ratio, sqrt

D = Axis("D", place="last")
d = D.index()


@loss
def lengths(x: Prediction[D], z: Real[D], u: Prediction, r: NonNegative = 0.5):
    """A norm, a norm with a number added, a hypotenuse, a quotient by a norm, a difference of norms."""
    norm = sqrt(Sum(x[d] ** 2, d))
    other = sqrt(Sum((x[d] - z[d] + r) ** 2, d))
    return (
        norm**3
        + sqrt(Sum((z[d] - 2 * x[d]) ** 2, d) + r) * exp(-u)
        + sqrt(u**2 + r**2)
        + ratio(u, other)
        + other
        - norm
    )


@loss
def powers(x: Prediction[D], z: Real[D], p: Positive = 1.5):
    """The p-norm of a difference, and the 1-norm."""
    return Sum(Abs(x[d] - z[d]) ** p, d) ** (1 / p) - Sum(Abs(x[d]), d) / 3


@loss
def angle(x: Prediction[D], z: Prediction[D]):
    """1 − cos, 1 + cos, and cos alone."""
    cosine = ratio(Sum(x[d] * z[d], d), sqrt(Sum(x[d] ** 2, d)) * sqrt(Sum(z[d] ** 2, d)))
    return 3 * (1 - cosine) ** 2 + Max(0, cosine) * (1 + cosine)


@pytest.fixture
def data(rng):
    x, z = rng.normal(size=(2, 3, 5))
    return {"x": x, "z": z, "u": rng.normal(size=3)}


@pytest.mark.parametrize("made_up", [lengths, powers, angle])
def test_value_and_gradient(made_up, tmp_path, data):
    names = made_up.signature.parameters
    check_against_the_formula(Rendered(made_up, tmp_path), {n: v for n, v in data.items() if n in names})


def test_entries_of_float32_are_computed_in_float64(tmp_path):
    text = Rendered(lengths, tmp_path, dtype="float32").text
    assert "CPU kernels in float32, computed in float64." in text and "\nreal = np.float64\n" in text
    assert "real(x_row[d])" in text and "binade(" not in text

    @loss
    def squares(x: Prediction[D]):
        """No norm: float32 is enough."""
        return Sum(x[d] ** 2, d)

    text = Rendered(squares, tmp_path, dtype="float32").text
    assert "CPU kernels in float32.\n" in text and "\nreal = np.float32\n" in text and "real(x_row[d])" not in text


def test_float64_scales_by_a_power_of_two(tmp_path, data):
    rendered = Rendered(lengths, tmp_path)
    assert "binade(" in rendered.text and "real(x_row[d])" not in rendered.text

    @loss
    def length(x: Prediction[D]):
        """A norm."""
        return sqrt(Sum(x[d] ** 2, d))

    rendered = Rendered(length, tmp_path)
    x = np.array([[3.0, 4.0, 0.0], [0, 0, 0]])
    for scale in (2.0**-1010, 1e-300, 1e-160, 1.0, 1e160, 1e307):
        values, gradients, _ = rendered("evaluate", {"x": scale * x})
        np.testing.assert_allclose(values, [5 * scale, 0], rtol=1e-15)
        np.testing.assert_allclose(gradients["x"], [[0.6, 0.8, 0], [0, 0, 0]], rtol=1e-15)


def test_subnormal_vectors_of_float64_count_as_0(tmp_path):
    @loss
    def length(x: Prediction[D]):
        """A norm."""
        return sqrt(Sum(x[d] ** 2, d))

    values, gradients, _ = Rendered(length, tmp_path)("evaluate", {"x": np.full((2, 3), 1e-310)})
    assert not values.any() and not gradients["x"].any()


def test_inputs_come_first_in_a_sum(tmp_path):
    @loss
    def near(x: Prediction[D], z: Real[D], r: NonNegative = 1e-9):
        """Differences with something added."""
        return Sum((r + x[d] - z[d]) ** 3, d)

    rendered = Rendered(near, tmp_path)
    assert "(x_d - z_d) + r" in rendered.text
    x = np.array([[1e8 + 1, 5.0]])
    values, _, _ = rendered("evaluate", {"x": np.repeat(x, 2, 0), "z": np.repeat(x, 2, 0)})
    np.testing.assert_allclose(values, 2e-27, rtol=1e-14)


@pytest.mark.parametrize("tilt", [1e-3, 1e-8, 1e-12])
def test_lengths_and_directions_that_nearly_agree(tmp_path, tilt):
    @loss
    def gap(x: Prediction[D], z: Real[D]):
        """The difference of two lengths whose vectors share a part."""
        return sqrt(Sum((x[d] - 1) ** 2, d)) - sqrt(Sum((x[d] - z[d]) ** 2, d))

    x = np.array([[3.0, -2.0, 0.7]] * 2)
    z = 1 + tilt * np.array([[1, 2, -1.0], [0, -1, 1]])
    rendered = Rendered(gap, tmp_path)
    values, gradients, _ = rendered("evaluate", {"x": x, "z": z})
    for i in range(2):
        numbers = {"x": list(map(mpf, x[i])), "z": list(map(mpf, z[i])), "D": 3}
        expected = exact(gap.variants[0].expression, numbers)
        assert abs(values[i] - expected) < 1e-14 * abs(expected)
        norms = [
            sum((a - b) ** 2 for a, b in zip(numbers["x"], row, strict=True)) ** 0.5
            for row in ([1, 1, 1], numbers["z"])
        ]
        slopes = [(a - 1) / norms[0] - (a - b) / norms[1] for a, b in zip(numbers["x"], numbers["z"], strict=True)]
        largest = max(map(abs, slopes))
        assert all(abs(f - t) < 1e-14 * largest for f, t in zip(gradients["x"][i], slopes, strict=True))


def test_the_direction_of_one_length_beside_a_length_of_0(tmp_path):
    @loss
    def gap(x: Prediction[D], z: Real[D]):
        """The difference of two lengths."""
        return sqrt(Sum((x[d] - 1) ** 2, d)) - sqrt(Sum((x[d] - z[d]) ** 2, d))

    x = np.array([[4.0, 1, -3], [1, 1, 1], [1, 1, 1]])
    z = np.array([[4.0, 1, -3], [4, 1, -3], [1, 1, 1]])
    _, gradients, _ = Rendered(gap, tmp_path)("evaluate", {"x": x, "z": z})
    np.testing.assert_allclose(gradients["x"], [[0.6, 0, -0.8], [0.6, 0, -0.8], [0, 0, 0]], rtol=1e-15, atol=1e-16)


def test_one_minus_the_cosine_of_nearly_parallel_vectors(tmp_path):
    @loss
    def turn(x: Prediction[D], z: Real[D]):
        """1 − cos."""
        return 1 - ratio(Sum(x[d] * z[d], d), sqrt(Sum(x[d] ** 2, d)) * sqrt(Sum(z[d] ** 2, d)))

    values, _, _ = Rendered(turn, tmp_path)("evaluate", {"x": [[1.0, 0], [3, 0]], "z": [[1, 2e-7], [1, -2e-7]]})
    np.testing.assert_allclose(values, 2e-14, rtol=1e-8)
