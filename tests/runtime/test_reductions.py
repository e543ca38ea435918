"""Reductions, weights, masks, denominators and normalisers: what divides and what multiplies."""

import numpy as np
import pytest
from handwritten.losses import choice, latent, square
from reference import choice as choice_reference
from reference import latent as latent_reference

from lossgen.runtime.execute import total_of


@pytest.fixture
def pair(rng):
    return rng.normal(size=(6, 5)), rng.normal(size=(6, 5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_sum_and_none(pair, dtype):
    x, y = (a.astype(dtype) for a in pair)
    each = (x - y) ** 2
    for reduction, value, divisor in [("mean", each.mean(), 30), ("sum", each.sum(), 1), ("none", each, 1)]:
        found, gradient = square.value_and_grad(x, y, reduction=reduction)
        assert found.dtype == gradient.dtype == dtype
        np.testing.assert_allclose(found, value, rtol=1e-6)
        np.testing.assert_allclose(gradient, 2 * (x - y) / divisor, rtol=1e-6)
        assert np.array_equal(square(x, y, reduction=reduction), found)


def test_sample_weight_multiplies_but_does_not_divide(pair, rng):
    x, y = pair
    weight = rng.uniform(size=(6, 1))
    value, gradient = square.value_and_grad(x, y, sample_weight=weight)
    np.testing.assert_allclose(value, (weight * (x - y) ** 2).mean())
    np.testing.assert_allclose(gradient, 2 * weight * (x - y) / 30)


def test_mask_removes_items_from_sum_and_count(pair):
    x, y = pair
    mask = np.zeros((6, 5), bool)
    mask[2:4] = True
    x[0], y[1] = np.inf, np.nan
    value, gradient = square.value_and_grad(x, y, mask=mask)
    np.testing.assert_allclose(value, ((x - y)[mask] ** 2).mean())
    np.testing.assert_allclose(gradient[mask], 2 * (x - y)[mask] / 10)
    assert not gradient[~mask].any()


def test_nan_weight_of_a_masked_item_does_not_count(pair):
    x, y = pair
    mask = np.ones((6, 5), bool)
    mask[0, 0] = False
    weight = np.ones((6, 5))
    weight[0, 0] = np.nan
    assert np.isfinite(square(x, y, sample_weight=weight, mask=mask))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_denominator_replaces_the_divisor(pair, reduction):
    x, y = pair
    value, gradient = square.value_and_grad(x, y, reduction=reduction, denominator=8)
    np.testing.assert_allclose(value, ((x - y) ** 2).sum() / 8)
    np.testing.assert_allclose(gradient, 2 * (x - y) / 8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_mean_divides_by_the_normaliser(rng, weighted, dtype):
    x, y = rng.normal(size=(40, 7)), rng.integers(0, 7, 40).astype(dtype)
    y[::3] = 9
    w = rng.uniform(0.5, 2, 7) if weighted else None
    each, gradient, normaliser = choice_reference(x, y, w, ignore_index=9)
    value, found = choice.value_and_grad(x, y, w, ignore_index=9)
    np.testing.assert_allclose(value, each.sum() / normaliser.sum())
    np.testing.assert_allclose(found, gradient / normaliser.sum(), atol=1e-15)
    mask = rng.uniform(size=40) < 0.5
    value, found = choice.value_and_grad(x, y, w, ignore_index=9, mask=mask, sample_weight=np.full(40, 3.0))
    np.testing.assert_allclose(value, 3 * each[mask].sum() / normaliser[mask].sum())
    np.testing.assert_allclose(found, 3 * gradient * mask[:, None] / normaliser[mask].sum(), atol=1e-15)
    assert choice.bind((x, y, w), (9,), "mean").denominator == pytest.approx(normaliser.sum())
    assert choice.bind((x, y, w), (9,), "sum").denominator == 1


def test_probabilities_choose_the_other_variant(rng):
    x, y = rng.normal(size=(8, 3)), rng.dirichlet([1, 1, 1], 8)
    w = rng.uniform(size=3)
    expected = -(w * y * np.log(np.exp(x) / np.exp(x).sum(1, keepdims=True))).sum() / 8
    np.testing.assert_allclose(choice(x, y, w), expected)


@pytest.mark.parametrize(("options", "value"), [({}, np.nan), ({"empty": 0.0}, 0.0)])
def test_the_mean_of_nothing(rng, options, value):
    x = rng.normal(size=(4, 3))
    x[0] = np.nan
    for arguments, more in [
        ((x, np.full(4, -100)), {}),
        ((x, np.zeros(4, int), np.zeros(3)), {}),
        ((x, np.full(4, 77)), {"mask": np.zeros(4, bool)}),
        ((np.zeros((0, 3)), np.zeros(0, int)), {}),
    ]:
        found, gradient = choice.value_and_grad(*arguments, **options, **more)
        assert np.array_equal(found, value, equal_nan=True)
        assert gradient.shape == arguments[0].shape
        assert not gradient.any()
    empty = np.zeros((0, 3))
    assert np.array_equal(square(empty, empty, **options), value, equal_nan=True)
    assert square(empty, empty, reduction="sum") == 0
    assert square(empty, empty, reduction="none").shape == (0, 3)


def test_gradient_of_shared_and_broadcast_arguments_of_no_items():
    none = np.zeros((0, 3))
    assert choice.value_and_grad(none, np.zeros(0, int), np.ones(3), wrt="weight")[1].tolist() == [0, 0, 0]
    assert square.value_and_grad(none, none, np.ones(3), wrt="weight")[1].tolist() == [0, 0, 0]


def test_wrt_chooses_the_gradients(pair):
    x, y = pair
    gradient = square.value_and_grad(x, y)[1]
    assert np.array_equal(square.value_and_grad(x, y, wrt="target")[1], -gradient)
    both = square.value_and_grad(x, y, wrt=["target", "input"])[1]
    assert isinstance(both, tuple)
    assert np.array_equal(both[0], -gradient) and np.array_equal(both[1], gradient)
    assert isinstance(square.value_and_grad(x, y, wrt=("input",))[1], tuple)


def test_gradient_of_a_broadcast_weight_has_its_shape(pair, rng):
    x, y = pair
    d2 = (x - y) ** 2
    for shape in [(), (1,), (5,), (6, 1), (1, 5), (6, 5)]:
        w = rng.uniform(size=shape)
        value, gradient = square.value_and_grad(x, y, w, wrt="weight")
        np.testing.assert_allclose(value, (w * d2).mean())
        axes = tuple(a for a, n in enumerate((1,) * (2 - w.ndim) + shape) if n == 1 and d2.shape[a] != 1)
        np.testing.assert_allclose(gradient, d2.sum(axis=axes, keepdims=True).reshape(shape) / 30)


def test_two_axes_of_different_lengths(rng):
    r, d, m, s = (
        rng.normal(size=(4, 2, 3)),
        rng.normal(size=(4, 2, 3)),
        rng.normal(size=(4, 5)),
        rng.uniform(size=(4, 5)),
    )
    each = latent_reference(r.reshape(4, 6), d.reshape(4, 6), m, s)
    np.testing.assert_allclose(latent(r, d, m, s, reduction="none"), each)
    value, (gr, gm, gs) = latent.value_and_grad(r, d, m, s)
    np.testing.assert_allclose(value, each.mean())
    np.testing.assert_allclose(gr, (r - d) / 4)
    np.testing.assert_allclose(gm, m * s / 4)
    np.testing.assert_allclose(gs, m**2 / 8)


def test_one_dimensional_features_are_one_item(rng):
    r, m = rng.normal(size=6), rng.normal(size=2)
    value, (gr, gm, _) = latent.value_and_grad(r, r * 0, m, m * 0 + 1)
    np.testing.assert_allclose(value, latent_reference(r, 0 * r, m, 0 * m + 1))
    np.testing.assert_allclose(gr, r)
    np.testing.assert_allclose(gm, m)


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        ([1e16, 1.0, -1e16], 1.0),
        ([np.inf, 1.0], np.inf),
        ([np.inf, -np.inf], np.nan),
        ([1e308, 1e308, -1e308], np.inf),
        ([np.nan, np.inf], np.nan),
    ],
)
def test_the_sum_over_lanes_is_rounded_once(totals, expected):
    np.testing.assert_equal(total_of(np.array(totals)), expected)
