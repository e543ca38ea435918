"""Losses of every make on JAX arrays, under every transformation, against the surface for NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax_samples import arguments, closed, moving, plain
from lossgen.generated.jax import cross_entropy
from torch_samples import REDUCED_SPOKESMEN, SPOKESMEN, reduced

every_reduction = pytest.mark.parametrize("case, reduction", REDUCED_SPOKESMEN.values(), ids=REDUCED_SPOKESMEN)
every_make = pytest.mark.parametrize("case", SPOKESMEN.values(), ids=SPOKESMEN)
CALLS = 3


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def close(found, expected, rtol=1e-12):
    leaves = jax.tree.leaves(jax.tree.map(np.asarray, expected))
    for one, other in zip(jax.tree.leaves(found), leaves, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-13)


@every_reduction
def test_value_and_gradients_of_every_differentiable_argument(case, reduction):
    given = arguments(case, reduction=reduction)
    options = plain(case.weights(reduction=reduction))
    names = case.variant.differentiable
    for extra in ({}, options):
        value, slopes = case.numpy.value_and_grad(
            **given, **case.parameters(), **reduced(case, reduction), **extra, wrt=names
        )
        loss = closed(case, reduction, given, **extra)
        found = jax.jit(lambda m, loss=loss: (loss(m), jax.grad(lambda m: loss(m).sum())(m)))(moving(case, given))
        close(found, (value, dict(zip(names, slopes, strict=True))))


@every_make
def test_a_batch_of_calls_is_what_the_calls_are(case):
    reduction = case.numpy.schema.reductions[0]
    calls = [arguments(case, seed, reduction) for seed in range(CALLS)]
    stacked = {name: np.stack([given[name] for given in calls]) for name in calls[0]}

    def slopes(given):
        loss = closed(case, reduction, given)
        return loss({}), jax.grad(lambda m: loss(m).sum())(moving(case, given))

    one_by_one = [jax.jit(slopes)(given) for given in calls]
    expected = jax.tree.map(lambda *entries: np.stack(entries), *one_by_one)
    close(jax.jit(jax.vmap(slopes))(stacked), expected)
    last = {name: np.moveaxis(array, 0, -1) for name, array in stacked.items()}
    close(jax.vmap(slopes, in_axes=-1, out_axes=0)(last), expected)
    within = jax.grad(lambda m: jax.vmap(lambda m, given: closed(case, reduction, given)(m))(m, stacked).sum())
    close(within(moving(case, stacked)), expected[1])


@every_make
def test_second_derivatives_in_both_orders_of_the_modes(case):
    reduction = case.numpy.schema.reductions[0]
    given = arguments(case, reduction=reduction)
    names = case.variant.predictions
    start = {name: given[name] for name in names}
    rng = np.random.default_rng(3)
    along = {name: rng.normal(size=x.shape) for name, x in start.items()}
    required = {n: x for n, x in given.items() if n not in names}
    direction = tuple(along.values()) if len(names) > 1 else along[names[0]]
    options = case.parameters() | reduced(case, reduction)
    found = case.numpy.hvp(**given, **options, direction=direction)
    expected = dict(zip(names, found if len(names) > 1 else (found,), strict=True))
    loss = closed(case, reduction, required)

    def total(m):
        return loss(m).sum()

    forward = jax.jit(lambda m, v: jax.jvp(jax.grad(total), (m,), (v,))[1])
    reverse = jax.jit(jax.grad(lambda m, v: sum((g * v[n]).sum() for n, g in jax.grad(total)(m).items())))
    close(forward(start, along), expected)
    close(reverse(start, along), expected)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_hessian_is_the_one_of_the_plain_formula(reduction):
    x, y = np.random.default_rng(0).normal(size=(5, 4)), np.array([0, 3, 1, 1, 2])
    weight = jnp.asarray([0.5, 1.0, 2.0, 0.7, 1.1])

    def formula(x):
        items = -jax.nn.log_softmax(x)[jnp.arange(5), y]
        return items.mean() if reduction == "mean" else (weight * items**2).sum()

    def ours(x):
        items = cross_entropy(x, y, reduction=reduction)
        return items if reduction == "mean" else (weight * items**2).sum()

    close(jax.hessian(ours)(x), jax.hessian(formula)(x), rtol=1e-9)
    close(jax.jit(jax.hessian(ours))(x), jax.hessian(formula)(x), rtol=1e-9)
