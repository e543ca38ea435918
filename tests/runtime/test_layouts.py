"""Every memory layout gives the results of the plain one, and inputs are left alone."""

import itertools

import ml_dtypes
import numpy as np
import pytest
from handwritten.losses import choice, latent, square
from reference import choice as choice_reference

LAYOUTS = {
    "C": lambda a: a.copy(),
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1].copy()[::-1],
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "unaligned": lambda a: _unaligned(a),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}


def _unaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)[1:]
    raw[:] = np.frombuffer(a.tobytes(), np.uint8)
    return raw.view(a.dtype).reshape(a.shape)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(LAYOUTS, repeat=2)))
def test_layouts_of_elements(rng, first, second):
    x, y = rng.normal(size=(37, 11)).astype("f"), rng.normal(size=(37, 11)).astype("f")
    given = LAYOUTS[first](x), LAYOUTS[second](y)
    value, gradients = square.value_and_grad(*given, wrt=("input", "target"))
    np.testing.assert_allclose(value, ((x - y) ** 2).mean(), rtol=1e-6)
    np.testing.assert_allclose(gradients[0], 2 * (x - y) / x.size, rtol=1e-6)
    assert np.array_equal(gradients[1], -gradients[0])
    assert gradients[0].flags.writeable and gradients[0].dtype == x.dtype
    assert not any(np.shares_memory(a, g) for a in given for g in gradients)
    assert np.array_equal(given[0], x) and np.array_equal(given[1], y)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_layout_compiles_a_kernel_once_more(rng, layout):
    x = rng.normal(size=(30, 4))
    square.value_and_grad(x, x)
    call = square.bind((LAYOUTS[layout](x), LAYOUTS[layout](x), None), (1.0,))
    kernel = call.plan.kernels.evaluate
    before = len(kernel.signatures)
    call.evaluate(("input",))
    assert len(kernel.signatures) == before
    for operand in call.plan.operands(call.arrays)[:2]:
        assert not isinstance(operand, np.ndarray) or (operand.flags.carray and operand.dtype.isnative)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("axis", [None, 0, 1, 2, 3, -1])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_class_axis_anywhere(rng, layout, axis, dtype):
    dimension = 1 if axis is None else axis
    shape = (6, 5, 7, 4)
    x = rng.normal(size=shape).astype(dtype)
    classes = shape[dimension]
    y = rng.integers(0, classes, np.delete(shape, dimension))
    y[0, 0] = -100
    w = rng.uniform(0.5, 2, classes).astype(dtype)
    each, gradient, normaliser = choice_reference(np.moveaxis(x, dimension, -1), y, w)
    value, found = choice.value_and_grad(LAYOUTS[layout](x), LAYOUTS[layout](y), LAYOUTS[layout](w), axis=axis)
    tolerance = {"rtol": 1e-5, "atol": 1e-7}
    np.testing.assert_allclose(value, each.sum() / normaliser.sum(), **tolerance)
    np.testing.assert_allclose(found, np.moveaxis(gradient, -1, dimension) / normaliser.sum(), **tolerance)
    none = choice(LAYOUTS[layout](x), LAYOUTS[layout](y), w, axis=axis, reduction="none")
    np.testing.assert_allclose(none, each, **tolerance)


def test_channels_last_memory_is_used_in_place(rng):
    x = rng.normal(size=(2, 6, 7, 5))
    y = rng.integers(0, 5, (2, 6, 7))
    view = np.moveaxis(x, -1, 1)
    call = choice.bind((view, y, None), (-100,))
    operands = call.plan.operands(call.arrays)
    assert np.shares_memory(operands[0], x)
    gradient = choice.value_and_grad(view, y)[1]
    assert gradient.shape == view.shape and gradient.strides == view.strides
    assert np.array_equal(gradient, choice.value_and_grad(np.ascontiguousarray(view), y)[1])


def test_many_tiles_and_axes_flattened(rng):
    x = rng.normal(size=(3, 4, 50, 80, 5)).astype("f")
    y = rng.integers(0, 20, (3, 50, 80)).astype(np.int32)
    flat = np.ascontiguousarray(x.transpose(0, 2, 3, 1, 4)).reshape(3, 50, 80, 20)
    value, gradient = choice.value_and_grad(x, y, axis=(1, 4))
    expected, rows = choice.value_and_grad(flat, y, axis=-1)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert np.array_equal(gradient.transpose(0, 2, 3, 1, 4).reshape(flat.shape), rows)
    swapped = choice(x, y, axis={"C": (4, 1)})
    np.testing.assert_allclose(swapped, choice(x.transpose(0, 4, 2, 3, 1).copy(), y, axis=(1, 4)), rtol=1e-6)


def test_axis_option_for_one_of_several_axes(rng):
    r, m = rng.normal(size=(4, 6)), rng.normal(size=(3, 4))
    expected = latent(r, r * 0, m.T.copy(), m.T * 0 + 1)
    assert latent(r, r * 0, m, m * 0 + 1, axis={"Z": 0}) == pytest.approx(expected)
    assert latent(r.T, r.T * 0, m, m * 0 + 1, axis=0) == pytest.approx(expected)


def test_broadcast_views_with_stride_zero(rng):
    x = rng.normal(size=(40, 30)).astype("f")
    row = np.broadcast_to(rng.normal(size=30).astype("f"), x.shape)
    value, gradients = square.value_and_grad(row, x, wrt=("input", "target"))
    np.testing.assert_allclose(gradients[0], 2 * (row - x) / x.size, rtol=1e-6)
    assert gradients[0].flags.c_contiguous
    np.testing.assert_allclose(value, ((row - x) ** 2).mean(), rtol=1e-6)


def test_scalars_and_lists():
    value, gradient = square.value_and_grad(3.0, 1.0)
    assert (value, gradient, gradient.shape, gradient.dtype) == (4, 4, (), np.float64)
    assert square([1, 2], [1, 4]) == 2
    assert square([1.0, 2.0], [True, False]).dtype == np.float64
    none = square(np.float32(3), 1, reduction="none")
    assert none.shape == () and none.dtype == np.float32
    assert choice([1.0, 1.0], 1) == pytest.approx(np.log(2))
    assert choice([[1.0, 1.0]], [True]) == pytest.approx(np.log(2))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_computes_in_float32_and_rounds_once(rng, dtype):
    x, y = rng.normal(size=(300, 70)).astype(dtype), rng.normal(size=(300, 70)).astype(dtype)
    wide, wide_gradient = square.value_and_grad(x.astype("f"), y.astype("f"), reduction="sum")
    value, gradient = square.value_and_grad(x, y, reduction="sum")
    np.testing.assert_allclose(value, wide, rtol=1e-6)
    assert value.dtype == np.float32 and gradient.dtype == dtype
    assert np.array_equal(gradient, wide_gradient.astype(dtype))
    w = np.ones(70, dtype)
    shared = choice.value_and_grad(x, rng.integers(0, 70, 300), w, wrt=("input", "weight"))[1]
    assert [g.dtype for g in shared] == [dtype, dtype]


def test_other_arguments_take_the_dtype_of_the_predictions(rng):
    x, y = rng.normal(size=50).astype("f"), rng.normal(size=50)
    value, gradients = square.value_and_grad(x, y, np.float16(2), wrt=("input", "target", "weight"))
    assert [g.dtype for g in (value, *gradients)] == [np.float32, np.float32, np.float64, np.float16]
    assert square(x, np.zeros(50, int)) == pytest.approx((x**2).mean())
    assert square.value_and_grad(x, np.zeros(50, bool), wrt="target")[1].dtype == np.float32


def test_half_precision_overflow_is_silent(recwarn):
    x = np.full((300, 70), 60000, np.float16)
    assert np.isinf(square.value_and_grad(x, -x, reduction="sum")[1]).all()
    assert not recwarn.list


def test_shared_gradient_over_tiles_and_lanes(rng, threads):
    x = rng.normal(size=(5, 6, 20000)).astype("f")
    y = rng.integers(0, 6, (5, 20000))
    each = choice_reference(np.moveaxis(x, 1, -1), y)[0]
    expected = np.bincount(y.ravel(), each.ravel(), 6)
    gradient = choice.value_and_grad(x, y, np.ones(6, "f"), wrt="weight", reduction="sum")[1]
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)
    rows = np.moveaxis(x, 1, -1).copy()
    gradient = choice.value_and_grad(rows, y, np.ones(6, "f"), wrt="weight", reduction="sum", axis=-1)[1]
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)
    threads(1)
    assert np.array_equal(
        gradient, choice.value_and_grad(rows, y, np.ones(6, "f"), wrt="weight", reduction="sum", axis=-1)[1]
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_rows_over_several_lanes(rng, threads, reduction):
    threads(3)
    x, y = rng.normal(size=(60_000, 6)), rng.integers(0, 6, 60_000)
    y[::5], w = -100, rng.uniform(0.5, 2, 6)
    each, gradient, normaliser = choice_reference(x, y, w)
    divisor = normaliser.sum() if reduction == "mean" else 1
    value, found = choice.value_and_grad(x, y, w, reduction=reduction)
    np.testing.assert_allclose(value, each if reduction == "none" else each.sum() / divisor)
    np.testing.assert_allclose(found, gradient / divisor, atol=1e-12)
    y[40_000] = 6
    with pytest.raises(ValueError, match=r"target\[40000\] is 6"):
        choice.value_and_grad(x, y, w, reduction=reduction)
