"""Whole calls on CUDA, on a device in main memory: arguments in, results out, for every loss, against the CPU's engine.

The kernels themselves are held against the raw formula in `test_cuda_results.py`, the CPU's engine in `tests/verify`; what
is tested here lies between: orders of arguments, layouts, dtypes, normalisers, sums of blocks, reports.
"""

import ml_dtypes
import numpy as np
import pytest
from host import HostDriver, as_array, on_host, place

from lossgen import generated
from lossgen.runtime import Loss, LossError, SeparableLoss
from lossgen.runtime.cuda.prepare import bind
from lossgen.runtime.cuda.scales import Upstream

NAN = float("nan")


def all_cases():
    """Every loss over one batch with each of its variants that has CUDA kernels."""
    for name in dir(generated):
        found = getattr(generated, name)
        parts = found.parts.values() if isinstance(found, SeparableLoss) else [found] if isinstance(found, Loss) else []
        yield from ((part, v) for part in parts for v in part.schema.variants if not v.whole)


CASES = list(all_cases())


def title(case):
    return case[1].module


def arrays_for(case, shape=(5,), classes=4, seed=1, dtype="float32", optional=True):
    """Arguments with class axes last, in the order of the signature."""
    rng = np.random.default_rng(seed)
    found = []
    for a in case[1].arguments:
        size = {"row": (*shape, classes), "shared": (classes,)}.get(a.layout, shape)
        if a.integer:
            found.append(rng.integers(0, classes, size))
        elif a.domain == "binary":
            found.append((rng.random(size) < 0.5).astype(dtype))
        elif a.domain == "sign":
            found.append(np.where(rng.random(size) < 0.5, -1, 1).astype(dtype))
        else:
            numbers = rng.normal(size=size) if a.domain in ("real", "not-nan") else rng.uniform(0.1, 0.9, size)
            found.append(
                (
                    numbers / numbers.sum(-1, keepdims=True) if a.layout == "row" and a.domain == "unit" else numbers
                ).astype(dtype)
            )
        if a.default is not None and not optional:
            found[-1] = None
    return found


def parameters_for(case):
    loss, variant = case
    chosen = iter(variant.choice)
    return tuple(
        (found if (found := next(chosen)) is not None else _other(p)) if p.options else p.default
        for p in loss.schema.parameters
    )


def _other(parameter):
    """A number that is none of the options."""
    return 1.5 if 1.5 not in parameter.options else 2.5


def prepared(loss, arrays, parameters=None, reduction="mean", at=None, denominator=None, axis=None, host=(), **extra):
    """The same call on the device in main memory and on the CPU. The arguments named by `host` are not on the device."""
    at = at or place()
    parameters = tuple(p.default for p in loss.schema.parameters) if parameters is None else parameters
    pairs = zip(loss.argument_names, arrays, strict=True)
    given = [x if x is None or name in host else as_array(x) for name, x in pairs]
    options = {n: None if x is None else as_array(x) for n, x in {"sample_weight": None, "mask": None, **extra}.items()}
    number = as_array(denominator) if isinstance(denominator, np.ndarray) else denominator
    call = bind(loss, given, parameters, reduction, axis, options["sample_weight"], options["mask"], number, NAN, at)
    weight, mask = extra.get("sample_weight"), extra.get("mask")
    return call, loss.bind(arrays, parameters, reduction, axis, weight, mask, denominator)


def close(found, expected, rtol=4e-6, atol=2e-7):
    """Results are alike in value, shape and dtype."""
    assert len(found) == len(expected)
    for got, right in zip(found, expected, strict=True):
        assert got.shape == np.shape(right) and got.dtype == right.dtype
        got, right = (np.asarray(x, np.float64) for x in (on_host(got), right))
        largest = np.max(np.abs(right), initial=0, where=np.isfinite(right))
        np.testing.assert_allclose(got, right, rtol=rtol, atol=atol * max(1, largest))


@pytest.mark.parametrize("case", CASES, ids=title)
def test_value_and_gradients(case):
    loss, variant = case
    axis = -1 if variant.arguments and any(a.layout == "row" for a in variant.arguments) else None
    for optional in (True, False):
        arrays = arrays_for(case, optional=optional)
        names = [
            a.name
            for a, x in zip(variant.arguments, arrays, strict=True)
            if a.name in variant.differentiable and x is not None
        ]
        for reduction in loss.schema.reductions:
            call, expected = prepared(loss, arrays, parameters_for(case), reduction, axis=axis)
            value, gradients = call.evaluate(names)
            right, slopes = expected.evaluate(names)
            close([value, *gradients], [np.asarray(right), *slopes])


@pytest.mark.parametrize("case", CASES, ids=title)
def test_second_derivatives(case):
    loss, variant = case
    axis = -1 if any(a.layout == "row" for a in variant.arguments) else None
    arrays = arrays_for(case)
    ways = {a.name: np.cos(x).astype(x.dtype) for a, x in zip(variant.arguments, arrays, strict=True) if not a.integer}
    how = loss.schema.reductions[0]
    for names in (variant.predictions, variant.differentiable):
        call, expected = prepared(loss, arrays, parameters_for(case), how, axis=axis)
        given = {n: ways[n] for n in names}
        slope, products = call.products({n: as_array(x) for n, x in given.items()}, names, Upstream(0.5), True)
        right, found = expected.products(given, names, 0.5, True)
        close([slope, *products], [np.asarray(right), *found], 1e-5, 1e-6)
    call, expected = prepared(loss, arrays, parameters_for(case), how, axis=axis)
    close(call.hessian_diagonal(Upstream(2.0)), expected.hessian_diagonal(2.0), 1e-5, 1e-6)
    close([call.normalisers()], [expected.normalisers()])


def numbers(*shape, seed=2, dtype="float32"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def labels(*shape, classes=7, seed=3, dtype="int64"):
    return np.random.default_rng(seed).integers(0, classes, shape).astype(dtype)


def both(loss, arrays, wrt, upstream=1.0, **options):
    """Value and gradients as they are on the CPU; what was launched."""
    at = options.pop("at", None) or place()
    call, expected = prepared(loss, arrays, at=at, **options)
    value, gradients = call.evaluate(wrt, Upstream(upstream))
    right, slopes = expected.evaluate(wrt, upstream)
    close([value, *gradients], [np.asarray(right), *slopes])
    return [name for name, *_ in at.driver.launched]


CE, MSE, BCE = generated.cross_entropy, generated.mse_loss, generated.binary_cross_entropy_with_logits


@pytest.mark.parametrize("dtype", ["int32", "int64", "int16", "uint8"])
def test_the_class_axis_may_lie_anywhere(dtype):
    arrays = [numbers(2, 7, 3, 4), labels(2, 3, 4, dtype=dtype), np.abs(numbers(7))]
    launched = both(CE, arrays, ["input"])
    assert "copy" not in launched
    both(CE, [numbers(3, 4, 7).transpose(1, 0, 2), labels(4, 3), None], ["input"], axis=-1)
    both(CE, [numbers(7), labels(), None], ["input"])
    both(generated.dice_loss, [np.abs(numbers(3, 2, 5)) / 9, labels(3, 2, 5, classes=2).astype("float32")], ["input"])


def test_arrays_with_gaps_and_backwards():
    x, y = numbers(6, 9), numbers(6, 9, seed=4)
    both(MSE, [x[::2, ::-1], y.T[:9, 1::2].T, None], ["input", "target"])
    both(MSE, [x.T, np.asfortranarray(y).T, None], ["input"])


def test_what_broadcasts_has_the_sum_for_its_gradient():
    x, y = numbers(5, 6, 3), numbers(5, 6, 3, seed=4)
    for shape in [(3,), (6, 1), (5, 1, 1), (1, 1, 3), (), (1, 6, 1)]:
        both(MSE, [x, y, np.abs(numbers(*shape))], ["input", "weight"], reduction="sum")
    for var in (numbers(5, 6), numbers(5, 6, 1), numbers(1, 6, 1)):
        both(generated.gaussian_nll_loss, [x, y, 0.1 + np.abs(var)], ["input", "var"])


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision(name):
    half = np.dtype(getattr(ml_dtypes, name, None) or name)
    x = numbers(4, 7).astype(half)
    call, _ = prepared(CE, [x, labels(4), None])
    value, (slopes,) = call.evaluate(["input"])
    _, wide = prepared(CE, [x.astype("float32"), labels(4), None])
    right, (expected,) = wide.evaluate(["input"])
    assert value.dtype == np.float32 and slopes.dtype == half
    np.testing.assert_allclose(on_host(value), right, rtol=1e-6)
    np.testing.assert_array_equal(on_host(slopes).astype("float32"), expected.astype(half).astype("float32"))


def test_arguments_of_other_dtypes_are_read_as_they_are():
    x = numbers(40)
    for target in (numbers(40, seed=5, dtype="float64"), numbers(40, seed=5, dtype="float16")):
        assert "copy" not in both(MSE, [x, target, None], ["input", "target"])
    assert both(BCE, [x, labels(40, classes=2), None, None], ["input"]).count("copy") == 1
    both(MSE, [labels(9), labels(9, seed=8), None], ["input"])


@pytest.mark.parametrize("given", [(True, False), (False, True), (True, True)], ids=["mask", "weights", "both"])
def test_masks_and_sample_weights(given):
    mask = np.random.default_rng(5).random((4, 3)) < 0.6 if given[0] else None
    weight = np.abs(numbers(3)) if given[1] else None
    x, t = numbers(4, 7, 3), labels(4, 3)
    t[0, 1] = -100
    for reduction in ("mean", "sum", "none"):
        for weights in (None, np.abs(numbers(7))):
            both(CE, [x, t, weights], ["input"], reduction=reduction, mask=mask, sample_weight=weight)
        both(MSE, [x[:, 0], x[:, 1], None], ["input"], reduction=reduction, mask=mask, sample_weight=weight)
    both(
        generated.kl_div, [x[:, 0], np.abs(x[:, 1])], ["input"], reduction="batchmean", mask=mask, sample_weight=weight
    )


def test_denominators():
    for number in (2.5, np.array(2.5), np.array(2.5, "float32")):
        both(MSE, [numbers(30), numbers(30, seed=4), None], ["input"], upstream=3.0, denominator=number)
        both(CE, [numbers(5, 7), labels(5), None], ["input"], reduction="sum", denominator=number)
    with pytest.raises(
        LossError, match=r"^mse_loss: denominator is of shape \(2,\), expected one number, of shape \(\)$"
    ):
        prepared(MSE, [numbers(3), numbers(3), None], denominator=np.ones(2))


def test_the_upstream_gradient_may_lie_on_the_device():
    x, t, weights = numbers(5, 7), labels(5), np.abs(numbers(7))
    single = as_array(np.array(0.25, "float32"))
    for arrays in ([x, t, None], [x, t, weights]):
        call, expected = prepared(CE, arrays)
        close(call.gradients(["input"], Upstream(2.0, single)), expected.gradients(["input"], 0.5))
    each = numbers(5, seed=9)
    call, expected = prepared(CE, [x, t, weights], reduction="none")
    close(call.gradients(["input"], Upstream(per_item=as_array(each))), expected.gradients(["input"], each))
    ways = {"input": numbers(5, 7, seed=6)}
    slope, found = call.products({"input": as_array(ways["input"])}, ["input"], Upstream(per_item=as_array(each)), True)
    right, products = expected.products(ways, ["input"], each, True)
    close([slope, *found], [right, *products])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_no_items_start_no_kernel_over_them(reduction):
    at = place()
    both(MSE, [numbers(0, 3), numbers(0, 3), None], ["input"], reduction=reduction, at=at)
    both(CE, [numbers(0, 7), labels(0), np.abs(numbers(7))], ["input", "weight"], reduction=reduction, at=at)
    assert {name for name, *_ in at.driver.launched} <= {"settle", "fold"}
    ignored = np.full(3, -100)
    both(CE, [numbers(3, 7), ignored, None], ["input"], reduction=reduction)
    both(MSE, [numbers(3), numbers(3), None], ["input"], reduction=reduction, mask=np.zeros(3, bool))


def test_what_does_not_begin_at_16_bytes_is_taken_one_by_one():
    x, y = numbers(101), numbers(101, seed=4)
    for first, schedule in ((0, "wide"), (1, "narrow")):
        at = place()
        aligned = at.memory.empty((104,), np.dtype("float32")).owner
        aligned[:] = numbers(104)
        both(MSE, [aligned[first : first + 100], at.memory.empty((100,), x.dtype).owner * 0 + 1, None], [], at=at)
        wanted = {s for name, s, _ in at.driver.launched if name == "evaluate"}
        assert schedule in wanted or first == 0, y.shape


def test_rows_by_length_and_grids_by_the_device():
    for classes, items, expected in (
        (7, 3, ("short", 2)),
        (129, 3, ("warp", 2)),
        (1025, 3, ("block", 3)),
        (7, 500, ("short", 16)),
    ):
        at = place(HostDriver(multiprocessors=2, threads=64))
        both(CE, [numbers(items, classes), labels(items), None], ["input"], at=at)
        assert [(s, b) for name, s, b in at.driver.launched if name == "evaluate"] == [expected]
    x = numbers(3000)
    bits = set()
    for _ in range(2):
        call, _ = prepared(MSE, [x, x[::-1].copy(), None], at=place(HostDriver(multiprocessors=1, threads=32)))
        bits.add(on_host(call.value()).tobytes())
    assert len(bits) == 1


def test_a_label_out_of_range_is_reported_at_the_next_call():
    at = place()
    wrong = labels(4)
    wrong[2] = 7
    call, _ = prepared(CE, [numbers(4, 7), wrong, None], at=at)
    value, (slopes,) = call.evaluate(["input"])
    assert np.isnan(on_host(value)) and np.isnan(on_host(slopes)[2]).all() and at.driver.waited == 0
    prepared(MSE, [numbers(3), numbers(3), None], at=at)
    with pytest.raises(
        LossError, match=r"^cross_entropy: an earlier call on CUDA was given target with a label out of"
    ):
        prepared(CE, [numbers(4, 7), labels(4), None], at=at)
    prepared(CE, [numbers(4, 7), labels(4), None], at=at)[0].value()
    at.driver.reports.raise_any()


def test_an_entry_outside_its_domain_is_reported():
    at = place()
    call, _ = prepared(
        generated.binary_cross_entropy, [np.array([0.5, 1.5], "float32"), np.zeros(2, "float32"), None], at=at
    )
    call.value()
    with pytest.raises(
        LossError, match=r"^binary_cross_entropy: an earlier call .* input with .* expected a number in \[0, 1\]"
    ):
        at.driver.reports.raise_any()


def test_lists_of_labels():
    lists = np.array([[1, 3, -1, 0], [2, -1, -1, -1], [-1, 9, 9, 9]])
    both(generated.multilabel_margin_loss, [numbers(3, 4), lists], ["input"])
    at = place()
    call, _ = prepared(generated.multilabel_margin_loss, [numbers(1, 4), np.array([[1, 4, -1, 0]])], at=at)
    call.value()
    with pytest.raises(LossError, match=r"^multilabel_margin_loss: .* target with a label out of range"):
        at.driver.reports.raise_any()


def test_errors_are_those_of_the_cpu():
    with pytest.raises(LossError, match=r"^mse_loss: target has shape \(4,\), expected \(3,\), the shape of input$"):
        prepared(MSE, [numbers(3), numbers(4), None])
