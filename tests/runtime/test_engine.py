"""The engine that adapters sit on: gradients for an upstream gradient, Hessian products with slopes, denominators."""

import numpy as np
import pytest
from handwritten.losses import choice, latent, square
from reference import choice as choice_reference
from reference import choice_product


@pytest.fixture
def classes(rng):
    return rng.normal(size=(6, 5, 7)), rng.integers(0, 5, (6, 7)), rng.uniform(0.5, 2, 5)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("upstream", [1.0, -2.5, 0.0])
def test_known_upstream_scales_gradients_only(classes, reduction, upstream):
    x, y, w = classes
    call = choice.bind((x, y, w), (-100,), reduction)
    value, gradients = call.evaluate(("weight", "input"))
    again, scaled = call.evaluate(("weight", "input"), upstream)
    assert np.array_equal(value, again) and np.array_equal(value, call.value())
    for one, other, alone in zip(gradients, scaled, call.gradients(("weight", "input"), upstream), strict=True):
        np.testing.assert_allclose(other, upstream * one)
        assert np.array_equal(other, alone)


def test_upstream_per_item(classes, rng):
    x, y, w = classes
    u = rng.normal(size=y.shape)
    mask, weight = rng.uniform(size=y.shape) < 0.5, rng.uniform(size=y.shape)
    gradient = np.moveaxis(choice_reference(np.moveaxis(x, 1, -1), y, w)[1], -1, 1)
    for options, factor in [
        ({}, u),
        ({"mask": mask, "sample_weight": weight}, u * mask * weight),
        ({"mask": mask}, u * mask),
    ]:
        call = choice.bind((x, y, w), (-100,), "none", **options)
        np.testing.assert_allclose(call.gradients(("input",), u)[0], factor[:, None] * gradient, atol=1e-15)
    call = square.bind((u, u * 0, None), (1.0,), "none")
    np.testing.assert_allclose(call.gradients(("input",), weight)[0], 2 * weight * u)
    np.testing.assert_allclose(call.gradients(("input",), weight[:, ::-1])[0], 2 * weight[:, ::-1] * u)


def test_upstream_of_a_wrong_shape_is_an_error(classes):
    x, y, w = classes
    with pytest.raises(ValueError, match=r"the upstream gradient has shape \(6,\), expected \(6, 7\)"):
        choice.bind((x, y, w), (-100,), "none").gradients(("input",), np.ones(6))
    with pytest.raises(ValueError, match=r"the upstream gradient has shape \(6, 7\), expected \(\)"):
        choice.bind((x, y, w), (-100,), "mean").gradients(("input",), np.ones((6, 7)))


def _directional(loss, arguments, parameters, directions, names, reduction, upstream, **options):
    """The change of (value, upstream-weighted gradients) along directions, by central differences."""
    step = 1e-6
    order = [a.name for a in loss.schema.variants[0].arguments]
    results = []
    for sign in (1, -1):
        moved = [
            a if directions.get(n) is None else a + sign * step * directions[n]
            for n, a in zip(order, arguments, strict=True)
        ]
        call = loss.bind(moved, parameters, reduction, **options)
        results.append((call.value(), call.gradients(names, upstream)))
    slope = (results[0][0] - results[1][0]) / (2 * step)
    return slope, [(a - b) / (2 * step) for a, b in zip(results[0][1], results[1][1], strict=True)]


@pytest.mark.parametrize("options", ["plain", "weighted"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("only", [("input",), ("weight",), ("target", "weight"), ("input", "target", "weight")])
def test_products_and_slopes_of_elements(rng, reduction, only, options):
    x, y, w = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng.uniform(1, 2, size=(1, 4))
    chosen = {}
    if options == "weighted":
        mask = np.ones((3, 4), bool)
        mask[1, 2] = False
        chosen = {"sample_weight": rng.uniform(size=(3, 1)), "mask": mask}
    directions = {n: rng.normal(size=a.shape) for n, a in [("input", x), ("target", y), ("weight", w)] if n in only}
    upstream = rng.normal(size=(3, 4)) if reduction == "none" else 1.7
    names = ("weight", "input", "target")
    call = square.bind((x, y, w), (1.3,), reduction, **chosen)
    slope, products = call.products(directions, names, upstream, slope=True)
    expected = _directional(square, (x, y, w), (1.3,), directions, names, reduction, upstream, **chosen)
    np.testing.assert_allclose(slope, expected[0], atol=1e-8)
    for name, array, found, wanted in zip(names, (w, x, y), products, expected[1], strict=True):
        assert found.shape == array.shape, name
        np.testing.assert_allclose(found, wanted, atol=1e-8)


@pytest.mark.parametrize("upstream", ["scalar", "items"])
@pytest.mark.parametrize("only", [("input",), ("input", "weight"), ("weight",)])
def test_products_and_slopes_of_rows(classes, rng, only, upstream):
    x, y, w = classes
    reduction = "mean" if upstream == "scalar" else "none"
    factor = 0.7 if upstream == "scalar" else rng.normal(size=y.shape)
    directions = {n: rng.normal(size=a.shape) for n, a in [("input", x), ("weight", w)] if n in only}
    call = choice.bind((x, y, w), (-100,), reduction, denominator=3.0 if reduction == "mean" else None)
    slope, products = call.products(directions, ("input", "weight"), factor, slope=True)
    expected = _directional(
        choice, (x, y, w), (-100,), directions, ("input", "weight"), reduction, factor,
        denominator=3.0 if reduction == "mean" else None,
    )  # fmt: skip
    np.testing.assert_allclose(slope, expected[0], atol=1e-8)
    for found, wanted in zip(products, expected[1], strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-8)


def test_products_where_a_direction_is_left_out(rng):
    r, d = rng.normal(size=(2, 4, 6))
    m, s = rng.uniform(size=(2, 4, 3))
    v = rng.normal(size=(4, 3))
    call = latent.bind((r, d, m, s), (), "sum")
    slope, (pr, pm, ps) = call.products({"mean": v, "output": None}, ("output", "mean", "spread"), slope=True)
    np.testing.assert_allclose(slope, (m * s * v).sum())
    assert not pr.any()
    np.testing.assert_allclose(pm, s * v)
    np.testing.assert_allclose(ps, m * v)
    assert call.products({"mean": v}, ("mean",))[0] is None


def test_hvp_and_diagonal_of_the_surface(classes, rng):
    x, y, w = classes
    rows, v = np.moveaxis(x, 1, -1), rng.normal(size=x.shape)
    expected = np.moveaxis(choice_product(rows, y, np.moveaxis(v, 1, -1), w), -1, 1)
    arguments = ((x, y, w), (-100,), v, "sum", None, None, None, None, 0.0)
    np.testing.assert_allclose(choice._hvp(*arguments), expected)
    a, b, c = rng.normal(size=(3, 20))
    np.testing.assert_allclose(square.hvp(a, b, c), 2 * c / 20)
    np.testing.assert_allclose(square.hvp(a, b, c[::-1], sample_weight=b), 2 * c[::-1] * b / 20)
    np.testing.assert_allclose(square.hessian_diagonal(a, b, 3.0, factor=2, reduction="sum"), np.full(20, 12.0))
    call = square.bind((a, b, None), (1.0,), "none")
    np.testing.assert_allclose(call.hessian_diagonal(c)[0], 2 * c)
    np.testing.assert_allclose(call.hessian_diagonal(2.0)[0], np.full(20, 4.0))


def test_the_default_reduction_is_the_schemas(rng):
    x, y = rng.normal(size=(2, 9))
    assert square.bind((x, y, None), (1.0,)).value() == square(x, y, reduction="mean")


def test_unread_arguments_are_not_copied_for_the_normaliser(classes, monkeypatch):
    x, y, w = classes
    call = choice.bind((x.repeat(50, axis=2), y.repeat(50, axis=1), w), (-100,), "mean")
    operands = call.plan.normaliser_operands(call.plan.operands(call.arrays))
    assert all(isinstance(operand, np.ndarray) for operand in operands)
    assert operands[0].shape == (6 * 350, 5)
    np.testing.assert_allclose(call.denominator, 50 * w[y].sum())
