"""CUDA kernels at the edges of shapes and launches, of masks and of labels."""

from pathlib import Path

import numpy as np
import pytest
from kernels import OnSimulatedCuda, title, variants

from lossgen.formula.load import load_losses
from lossgen.runtime.cuda.bind import optional
from lossgen.verify.sampling import random_items, settings, sizes_for

LOSSES = load_losses(Path(__file__).parents[2] / "spec")
CASES = variants(LOSSES)
ELEMENT = [case for case in CASES if not case[1].axes]
ROW = [case for case in CASES if case[1].axes]
LABELLED = [case for case in ROW if case[1].labels]

#: Fewer threads than items and more, ragged ends, one item at a time.
ELEMENT_LAUNCHES = [
    OnSimulatedCuda(1, 1, 4),
    OnSimulatedCuda(1, 2, 1),
    OnSimulatedCuda(2, 3, 4),
    OnSimulatedCuda(3, 8, 2),
]
ROW_LAUNCHES = [OnSimulatedCuda(1, 1), OnSimulatedCuda(2, 2), OnSimulatedCuda(3, 8)]


def arrays_of(case, items, dtype="float32"):
    given = random_items(case[1], np.random.default_rng(5), items, sizes_for(case[1]))
    return {n: x if x.dtype.kind == "i" else x.astype(dtype) for n, x in given.items()}


def run(case, launch, given, kernel="evaluate", **options):
    loss, variant = case
    return launch(
        loss, variant, kernel, given, {**settings(loss, variant)[0], **options.pop("parameters", {})}, **options
    )


def same(one, other):
    """The same bits."""
    assert one.values.tobytes() == other.values.tobytes()
    assert all(one.outputs[n].tobytes() == other.outputs[n].tobytes() for n in one.outputs)


@pytest.mark.parametrize("case", ELEMENT, ids=title)
@pytest.mark.parametrize("items", [0, 1, 5, 13])
def test_an_element_has_the_same_bits_in_every_launch(case, items):
    given = arrays_of(case, items)
    results = [run(case, launch, given) for launch in ELEMENT_LAUNCHES]
    for launch, result in zip(ELEMENT_LAUNCHES, results, strict=True):
        same(results[0], result)
        assert result.faults == 0, launch
        np.testing.assert_allclose(result.total, result.values.sum(dtype=np.float64), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", ROW, ids=title)
@pytest.mark.parametrize("items", [0, 1, 4])
def test_a_row_is_the_same_in_every_launch_but_for_rounding(case, items):
    given = arrays_of(case, items)
    results = [run(case, launch, given) for launch in ROW_LAUNCHES]
    for result in results:
        np.testing.assert_allclose(result.values, results[0].values, rtol=2e-6, atol=1e-6)
        np.testing.assert_allclose(result.total, result.values.sum(dtype=np.float64), rtol=1e-6, atol=1e-6)
        for name, slopes in result.outputs.items():
            np.testing.assert_allclose(slopes, results[0].outputs[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=title)
def test_an_item_of_scale_0_is_0_whatever_it_holds(case):
    given = arrays_of(case, 6)
    kept = np.array([1, 0, 2, 0, 0, 1], np.float32)
    hidden = {
        a.name for a in case[1].arguments if a.role.layout != "shared" and not a.role.integer and not a.role.listed
    }
    spoilt = {
        n: np.where((kept == 0).reshape(-1, *[1] * (x.ndim - 1)), np.nan, x).astype(x.dtype) if n in hidden else x
        for n, x in given.items()
    }
    plain = run(case, ROW_LAUNCHES[1], given)
    masked = run(case, ROW_LAUNCHES[1], spoilt, item_scale=kept, scale=0.5)
    np.testing.assert_allclose(masked.values, kept * plain.values, rtol=1e-6)
    assert not masked.values[kept == 0].any()
    for name in hidden & masked.outputs.keys():
        slopes = masked.outputs[name]
        assert not slopes[kept == 0].any()
        expected = 0.5 * kept.reshape(-1, *[1] * (slopes.ndim - 1)) * plain.outputs[name]
        np.testing.assert_allclose(slopes[kept != 0], expected[kept != 0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", CASES, ids=title)
def test_what_an_item_of_scale_0_holds_is_no_fault(case):
    given = arrays_of(case, 5)
    kept = np.array([1, 0, 2, 1, 0], np.float32)
    for a in case[1].arguments:
        if a.role.layout == "item":
            given[a.name][1], given[a.name][4] = (1000, -7) if a.role.integer else (np.nan, -7)
    result = run(case, ROW_LAUNCHES[1], given, item_scale=kept)
    assert result.faults == 0 and np.isfinite(result.total) and not result.values[[1, 4]].any()


@pytest.mark.parametrize("case", CASES, ids=title)
def test_the_multiplier_on_the_device_is_one_of_the_scale(case):
    given = arrays_of(case, 4)
    plain, found = (run(case, ROW_LAUNCHES[1], given, **o) for o in ({"scale": 6}, {"scale": 3, "multiplier": 2}))
    same(plain, found)


@pytest.mark.parametrize("case", LABELLED, ids=title)
def test_a_label_out_of_range_is_nan_in_its_row_and_a_fault(case):
    _, variant = case
    (label,) = variant.labels
    given = arrays_of(case, 5)
    fine = run(case, ROW_LAUNCHES[1], given)
    size = sizes_for(variant)[label.role.axis.name]
    given[label.name] = np.array([*given[label.name][:2], size, -1, -100])
    result = run(case, ROW_LAUNCHES[1], given)
    bit = 1 << variant.arguments.index(label)
    assert result.faults & bit and result.faults & 1 << 62
    assert np.isnan(result.values[2:4]).all() and result.values[4] == 0 and np.isnan(result.total)
    assert result.values[:2].tobytes() == fine.values[:2].tobytes()
    for a in variant.differentiable:
        if a.role.layout == "row":
            slopes = result.outputs[a.name]
            assert np.isnan(slopes[2:4]).all() and not slopes[4].any()
            assert slopes[:2].tobytes() == fine.outputs[a.name][:2].tobytes()


@pytest.mark.parametrize("case", CASES, ids=title)
def test_arrays_that_may_be_absent_have_their_defaults(case):
    loss, variant = case
    absent = [a for a in variant.arguments if loss.default(a.name) is not None]
    given = arrays_of(case, 5)
    for a in absent:
        given[a.name] = np.full_like(given[a.name], loss.default(a.name))
    full = run(case, ROW_LAUNCHES[1], given)
    fewer = run(case, ROW_LAUNCHES[1], {n: x for n, x in given.items() if n not in {a.name for a in absent}})
    assert fewer.values.tobytes() == full.values.tobytes()
    assert all(fewer.outputs[n].tobytes() == full.outputs[n].tobytes() for n in fewer.outputs)


@pytest.mark.parametrize("case", CASES, ids=title)
def test_entries_outside_a_domain_are_a_fault(case):
    _, variant = case
    for position, argument in enumerate(variant.arguments):
        if argument.role.domain in ("unit", "binary", "nonnegative", "positive", "sign"):
            given = arrays_of(case, 5)
            given[argument.name].reshape(-1)[-1] = -2
            assert run(case, ROW_LAUNCHES[1], given).faults & 1 << position, argument


@pytest.mark.parametrize("case", CASES, ids=title)
def test_no_kernel_reads_or_writes_elsewhere(case):
    """The simulator checks every address: all kernels, with all arrays."""
    loss, variant = case
    given = arrays_of(case, 4)
    moves = {a.name: given[a.name] for a in variant.differentiable}
    first = {a.name: given[a.name] for a in variant.predictions}
    for kernel, directions in {"hvp": first, "hvp_full": moves, "hessian_diagonal": {}, "normalizer": {}}.items():
        if kernel in ROW_LAUNCHES[1].kernels_of(loss, variant):
            assert np.isfinite(run(case, ROW_LAUNCHES[1], given, kernel, directions=directions).total)


def test_the_arrays_that_may_be_absent_are_told_by_their_annotations():
    module = OnSimulatedCuda().module(*next(c for c in CASES if c[0].name == "mse_loss"), "float32")
    assert optional(module.evaluate) == [
        *("weight", "multiplier", "item_scale", "values", "grad_input", "grad_target", "grad_weight")
    ]
