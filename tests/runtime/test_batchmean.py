"""`batchmean`: the sum divided by the size of dimension 0 of the items."""

import dataclasses

import numpy as np
import pytest
from lossgen.generated.numpy import cross_entropy, mse_loss

from lossgen.runtime import LossError


def with_batchmean(loss):
    """The loss, with `batchmean` among its reductions."""
    kind = type(loss)
    schema = dataclasses.replace(kind.schema, reductions=("batchmean", "mean", "sum", "none"))
    return type(kind.__name__, (kind,), {"schema": schema})(loss._modules.package)


@pytest.mark.parametrize("shape", [(), (3,), (3, 4), (3, 0), (2, 3, 4)])
@pytest.mark.parametrize("weighted", [False, True])
def test_batchmean_divides_the_sum(shape, weighted):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape), rng.normal(size=shape)
    options = {"sample_weight": rng.uniform(size=shape)} if weighted else {}
    loss = with_batchmean(mse_loss)
    value, gradient = loss.value_and_grad(x, y, reduction="batchmean", **options)
    total, slope = loss.value_and_grad(x, y, reduction="sum", **options)
    size = shape[0] if shape else 1
    np.testing.assert_allclose(value, total / size)
    np.testing.assert_allclose(gradient, slope / size)
    np.testing.assert_allclose(
        loss.hvp(x, y, y, reduction="batchmean", **options), 2 * y / size * (options or {"": 1}).popitem()[1]
    )


def test_rows_and_labels_are_divided_by_the_batch():
    rng = np.random.default_rng(0)
    loss = with_batchmean(cross_entropy)
    x, y = rng.normal(size=(2, 3, 4)), rng.integers(0, 3, (2, 4))
    y[0, 0] = -100
    weight = rng.uniform(size=3)
    for wrt in ("input", "weight"):
        value, gradient = loss.value_and_grad(x, y, weight, reduction="batchmean", wrt=wrt)
        total, slope = loss.value_and_grad(x, y, weight, reduction="sum", wrt=wrt)
        np.testing.assert_allclose(value, total / 2)
        np.testing.assert_allclose(gradient, slope / 2)


def test_entries_that_are_masked_out_altogether_do_not_count():
    x, y = np.ones((3, 2)), np.zeros((3, 2))
    loss = with_batchmean(mse_loss)
    mask = np.array([[True, True], [True, False], [False, False]])
    assert loss(x, y, reduction="batchmean", mask=mask) == 3 / 2
    assert loss(x, y, reduction="batchmean", mask=mask, denominator=6.0) == 3 / 6
    assert np.isnan(loss(x, y, reduction="batchmean", mask=np.zeros((3, 2), bool)))
    assert loss(x, y, reduction="batchmean", mask=np.zeros((3, 2), bool), empty=0.0) == 0
    assert np.isnan(loss(x[:0], y[:0], reduction="batchmean"))


def test_a_reduction_that_the_loss_does_not_have():
    with pytest.raises(LossError, match="mse_loss: reduction is 'batchmean', expected one of 'mean', 'sum', 'none'"):
        mse_loss(1.0, 2.0, reduction="batchmean")
