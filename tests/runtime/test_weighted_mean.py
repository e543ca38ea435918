"""The mean of weighted errors divides by the sum of the weights; without weights nothing is summed for it."""

import importlib

import numpy as np
import pytest
from lossgen.generated.numpy import mse_loss

from lossgen.runtime import Loss


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    return rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.uniform(0.5, 2, (3, 4))


@pytest.mark.parametrize("shape", [(3, 4), (4,), (3, 1), ()])
def test_weights_that_broadcast_count_once_for_each_item(data, shape):
    x, y, w = data
    w = np.resize(w, shape)
    full = np.broadcast_to(w, x.shape)
    value, (slope, of_weight) = mse_loss.value_and_grad(x, y, w, wrt=("input", "weight"))
    expected = np.sum(full * (x - y) ** 2) / np.sum(full)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_allclose(slope, 2 * full * (x - y) / np.sum(full), rtol=1e-14)
    parts = ((x - y) ** 2 - expected) / np.sum(full)
    lead = tuple(range(x.ndim - w.ndim))
    ones = tuple(d + len(lead) for d, n in enumerate(w.shape) if n == 1)
    np.testing.assert_allclose(of_weight, parts.sum(axis=(*lead, *ones)).reshape(shape), rtol=1e-12, atol=1e-14)


def test_masked_items_leave_the_denominator(data):
    x, y, w = data
    mask = x > 0
    expected = np.sum((w * (x - y) ** 2)[mask]) / np.sum(w[mask])
    np.testing.assert_allclose(mse_loss(x, y, w, mask=mask), expected, rtol=1e-14)


def test_strided_items_too(data):
    x, y, w = (array.T for array in data)
    np.testing.assert_allclose(
        mse_loss(x[::2], y[::2], w[::2]), np.average((x - y)[::2] ** 2, weights=w[::2]), rtol=1e-14
    )


@pytest.mark.parametrize("shape", [(4,), (4, 0), (0,)])
@pytest.mark.parametrize("masked", [False, True])
def test_without_weights_the_kernel_of_the_normaliser_does_not_run(monkeypatch, shape, masked):
    kernels = importlib.import_module("lossgen.generated.cpu.mse_loss_float64")
    monkeypatch.setattr(kernels, "normalizer", None)
    fresh: Loss = type(mse_loss)("lossgen.generated.numpy")
    x, y = np.ones(shape), np.zeros(shape)
    options = {"mask": np.ones(shape, bool)} if masked else {}
    value, gradient = fresh.value_and_grad(x, y, wrt="input", **options)
    np.testing.assert_array_equal(value, 1.0 if x.size else np.nan)
    np.testing.assert_array_equal(gradient, 2 * x / max(x.size, 1))
