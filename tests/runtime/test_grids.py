"""Grids in every order of memory, sequences in rows and one after another, tables: against plain NumPy."""

import ml_dtypes
import numpy as np
import pytest
from handwritten.lattices import path, sheet
from lossgen.generated.numpy import crf_loss, ctc_loss
from test_layouts import LAYOUTS

FRAMES, ITEMS, CLASSES, LABELS = 7, 5, 4, 3
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


def reference(x, labels, frames, lengths, links=None, blank=0):
    """Values and gradients of the items, and their products along directions; x is (items, T, C)."""
    values, slopes = np.zeros(len(x)), np.zeros(x.shape)
    table = np.zeros((len(x), x.shape[2], x.shape[2]))
    for i in range(len(x)):
        sequence = [labels[i][t] if t < lengths[i] else blank for t in range(frames[i])]
        for t, label in enumerate(sequence):
            u = float(x[i, t, label])
            if t and links is not None:
                u += links[sequence[t - 1], label]
            values[i] += u * u / 2
            slopes[i, t, label] = u
            if t:
                table[i, sequence[t - 1], label] += u
    return values, slopes, table


@pytest.fixture
def case(rng):
    """(N, T, C) inputs, labels in rows, lengths."""
    x = rng.normal(size=(ITEMS, FRAMES, CLASSES)).astype("f")
    labels = rng.integers(0, CLASSES, (ITEMS, LABELS))
    return x, labels, np.array([7, 3, 0, 5, 6]), np.array([3, 2, 1, 0, 3])


def time_first(x):
    """(T, N, C)."""
    return np.ascontiguousarray(x.transpose(1, 0, 2))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("first", [True, False], ids=["time first", "batch first"])
def test_grids_in_every_layout(case, layout, dtype, first):
    x, labels, frames, lengths = case
    given = LAYOUTS[layout]((time_first(x) if first else x).astype(dtype))
    values, slopes, _ = reference(x, labels, frames, lengths)
    each = path(given, labels, frames, lengths, reduction="none", axis=None if first else {"T": 1})
    np.testing.assert_allclose(each, values, **TOLERANCE)
    assert each.dtype == dtype
    axis = None if first else {"T": 1}
    value, gradient = path.value_and_grad(given, LAYOUTS[layout](labels), frames, lengths, axis=axis)
    shares = np.maximum(lengths, 1)
    np.testing.assert_allclose(value, (values / shares).mean(), **TOLERANCE)
    expected = slopes / shares[:, None, None] / ITEMS
    np.testing.assert_allclose(gradient.transpose(1, 0, 2) if first else gradient, expected, **TOLERANCE)
    assert gradient.shape == given.shape and gradient.flags.writeable and not np.shares_memory(gradient, given)


@pytest.mark.parametrize("first", [True, False], ids=["time first", "batch first"])
def test_rows_of_memory_are_used_in_place(case, first):
    x, labels, frames, lengths = case
    whole = time_first(x)
    given = whole if first else whole.transpose(1, 0, 2)
    call = path.bind((given, labels, frames, lengths, None), (0,), axis=None if first else {"T": 1})
    rows, steps = call.plan.operands(call.arrays, call.parameters)[0]
    assert np.shares_memory(rows, whole) and rows.flags.c_contiguous
    assert steps == (1, ITEMS)
    gradient = call.evaluate(("input",))[1][0]
    assert gradient.strides == given.strides
    wide = np.zeros((FRAMES, 2 * ITEMS, CLASSES), "f")
    wide[:, ::2] = whole
    call = path.bind((wide[:, ::2], labels, frames, lengths, None), (0,))
    rows, steps = call.plan.operands(call.arrays, call.parameters)[0]
    assert np.shares_memory(rows, wide) and steps == (2, 2 * ITEMS)
    assert np.array_equal(call.evaluate(("input",))[1][0], path.value_and_grad(whole, labels, frames, lengths)[1])


def test_layouts_give_the_same_bits_and_compile_no_kernel_again(case):
    x, labels, frames, lengths = case
    whole = time_first(x)
    value, gradient = path.value_and_grad(whole, labels, frames, lengths)
    kernel = path.bind((whole, labels, frames, lengths, None), (0,)).plan.kernels.evaluate
    before = len(kernel.signatures)
    for change in LAYOUTS.values():
        found = path.value_and_grad(change(whole), change(labels), change(frames), change(lengths))
        assert found[0] == value and np.array_equal(found[1], gradient)
    assert len(kernel.signatures) == before


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_rounds_once(case, dtype):
    x, labels, frames, lengths = case
    x = time_first(x).astype(dtype)
    value, gradient = path.value_and_grad(x, labels, frames, lengths)
    wide, slopes = path.value_and_grad(x.astype("f"), labels, frames, lengths)
    assert value == wide and gradient.dtype == dtype
    assert np.array_equal(gradient, slopes.astype(dtype))


def test_padding_may_hold_anything(case):
    x, labels, frames, lengths = case
    x = time_first(x)
    value, gradient = path.value_and_grad(x, labels, frames, lengths)
    spoilt, wrong = x.copy(), labels.copy()
    for i in range(ITEMS):
        spoilt[frames[i] :, i] = np.nan
        wrong[i, lengths[i] :] = [-1, 99, -(2**40)][: LABELS - lengths[i]]
    found = path.value_and_grad(spoilt, wrong, frames, lengths)
    assert found[0] == value and np.array_equal(found[1], gradient)


@pytest.mark.parametrize("kind", [list, tuple, np.int32, np.uint8])
def test_sequences_one_after_another_and_lengths_of_any_kind(case, kind):
    x, labels, frames, lengths = case
    x = time_first(x)
    joined = np.concatenate([row[:n] for row, n in zip(labels, lengths, strict=True)])
    given = [
        n.astype(kind) if isinstance(kind, type) and issubclass(kind, np.integer) else kind(n.tolist())
        for n in (frames, lengths)
    ]
    found = path.value_and_grad(x, joined, *given)
    value, gradient = path.value_and_grad(x, labels, frames, lengths)
    assert found[0] == value and np.array_equal(found[1], gradient)


def test_lengths_left_out_or_the_same_for_all(case):
    x, labels, _, _ = case
    values, slopes, _ = reference(x, labels, [FRAMES] * ITEMS, [LABELS] * ITEMS)
    for given in ((None, None), (FRAMES, LABELS), (np.array([FRAMES]), LABELS)):
        value, gradient = path.value_and_grad(x, labels, *given, axis={"T": 1}, reduction="sum")
        np.testing.assert_allclose(value, values.sum(), **TOLERANCE)
        np.testing.assert_allclose(gradient, slopes, **TOLERANCE)


def test_masks_as_lengths(case):
    x, labels, frames, lengths = case
    x = time_first(x)
    for place in (np.arange(FRAMES)[:, None] < frames, np.asfortranarray(np.arange(FRAMES)[:, None] < frames)):
        found = path(x, labels, place, np.arange(LABELS) < lengths[:, None], reduction="none")
        assert np.array_equal(found, path(x, labels, frames, lengths, reduction="none"))


def test_one_item_without_a_batch(case):
    x, labels, frames, lengths = case
    values, slopes, _ = reference(x, labels, frames, lengths, blank=2)
    for given in ((3, 2), (np.array(3), np.array([2])), ([3], [2])):
        value, gradient = path.value_and_grad(x[1], labels[1], *given, blank=2)
        np.testing.assert_allclose(value, values[1] / 2, **TOLERANCE)
        np.testing.assert_allclose(gradient, slopes[1] / 2, **TOLERANCE)
    assert path(x[1], labels[1:2], 3, 2, blank=2) == path(x[1], labels[1], 3, 2, blank=2)
    each = path(x[1], labels[1], 3, 2, blank=2, reduction="none")
    assert each.shape == () and each == np.float32(values[1])


def test_several_dimensions_of_items(rng):
    x = rng.normal(size=(FRAMES, 2, 3, CLASSES))
    labels, frames = rng.integers(0, CLASSES, (2, 3, LABELS)), rng.integers(0, FRAMES + 1, (2, 3))
    flat = x.reshape(FRAMES, 6, CLASSES)
    expected = path.value_and_grad(flat, labels.reshape(6, LABELS), frames.ravel())
    for given in (x, np.ascontiguousarray(x.transpose(1, 0, 2, 3)).transpose(1, 0, 2, 3)):
        value, gradient = path.value_and_grad(given, labels, frames)
        assert value == expected[0] and np.array_equal(gradient.reshape(flat.shape), expected[1])
    assert path(x, labels, frames, reduction="none").shape == (2, 3)


@pytest.mark.parametrize("shape", [(FRAMES, 0, CLASSES), (0, ITEMS, CLASSES)])
def test_nothing_to_sum(shape):
    x, labels = np.ones(shape), np.ones((shape[1], LABELS), int)
    frames = np.zeros(shape[1], int)
    value, gradient = path.value_and_grad(x, labels, frames, empty=3.0)
    assert value == (3.0 if not shape[1] else 0.0) and gradient.shape == shape
    assert path(x, np.ones(0, int), frames, np.zeros(shape[1], int), reduction="sum") == 0
    assert path(x, np.ones((shape[1], 0), int), frames, reduction="none").shape == (shape[1],)


def test_tables_have_gradients(case, rng):
    x, labels, frames, lengths = case
    links = rng.normal(size=(CLASSES, CLASSES)).astype("f")
    values, slopes, table = reference(x, labels, frames, lengths, links)
    names = ("links", "input")
    value, found = path.value_and_grad(time_first(x), labels, frames, lengths, links, wrt=names, reduction="sum")
    np.testing.assert_allclose(value, values.sum(), **TOLERANCE)
    np.testing.assert_allclose(found[0], table.sum(0), **TOLERANCE)
    np.testing.assert_allclose(found[1], slopes.transpose(1, 0, 2), **TOLERANCE)
    half = links.astype(np.float16)
    found = path.value_and_grad(time_first(x), labels, frames, lengths, half.astype("f"), wrt="links")[1]
    weighted = table / np.maximum(lengths, 1)[:, None, None] / ITEMS
    np.testing.assert_allclose(found, weighted.sum(0), rtol=1e-2)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_products_with_the_hessian(case, rng, reduction):
    x, labels, frames, lengths = case
    x, links = time_first(x).astype(float), rng.normal(size=(CLASSES, CLASSES))
    along = rng.normal(size=x.shape), rng.normal(size=links.shape)
    products = path.hvp(x, labels, along, frames, lengths, links, reduction=reduction)
    ends = [
        path.value_and_grad(x + s * along[0], labels, frames, lengths, links + s * along[1], wrt=("input", "links"), reduction=reduction)[1]
        for s in (1.0, -1.0)
    ]  # fmt: skip
    for product, ahead, behind in zip(products, *ends, strict=True):
        np.testing.assert_allclose(product, (ahead - behind) / 2, atol=1e-12)
    call = path.bind((x, labels, frames, lengths, links), (0,), reduction)
    slope, _ = call.products({"input": along[0]}, (), slope=True)
    gradient = call.gradients(("input",))[0]
    np.testing.assert_allclose(np.sum(slope), (gradient * along[0]).sum())


def test_three_axes_of_which_one_is_longer(rng):
    x = rng.normal(size=(4, 5, 4, 6))
    labels, times, lengths = rng.integers(0, 6, (4, 3)), np.array([5, 0, 2, 4]), np.array([3, 2, 0, 1])
    values, slopes = np.zeros(4), np.zeros(x.shape)
    for i in range(4):
        for t in range(times[i]):
            for u in range(lengths[i]):
                values[i] += x[i, t, u, labels[i, u]] ** 2 / 2
                slopes[i, t, u, labels[i, u]] = x[i, t, u, labels[i, u]]
            values[i] += x[i, t, lengths[i], 2]
            slopes[i, t, lengths[i], 2] = 1
    joined = np.concatenate([row[:n] for row, n in zip(labels, lengths, strict=True)])
    for given in (labels, joined):
        value, gradient = sheet.value_and_grad(x, given, times, lengths, blank=2)
        np.testing.assert_allclose(value, values.mean())
        np.testing.assert_allclose(gradient, slopes / 4)
    swapped = np.ascontiguousarray(x.transpose(2, 1, 0, 3))
    gradient = sheet.value_and_grad(swapped, labels, times, lengths, blank=2, axis={"V": 0, "T": 1})[1]
    np.testing.assert_allclose(gradient, slopes.transpose(2, 1, 0, 3) / 4)
    assert sheet(x[0], labels[0], 5, 3, blank=2) == pytest.approx(values[0])


def test_weights_masks_and_denominators(case, rng):
    x, labels, frames, lengths = case
    values, slopes, _ = reference(x, labels, frames, lengths)
    x, weight, mask = time_first(x), rng.uniform(size=ITEMS), np.array([True, False, True, True, False])
    shares = np.maximum(lengths, 1)
    labels[1], frames[4], lengths[1] = 99, 50, -3  # of items that are masked out
    options = {"sample_weight": weight, "mask": mask}
    for extra, factor in (
        ({}, mask * weight / shares / mask.sum()),
        ({"denominator": 7.0}, mask * weight / shares / 7),
        ({"reduction": "sum"}, mask * weight),
        ({"reduction": "none"}, mask * weight),
    ):
        value, gradient = path.value_and_grad(x, labels, frames, lengths, **options, **extra)
        np.testing.assert_allclose(value, factor * values if value.ndim else (factor * values).sum(), **TOLERANCE)
        np.testing.assert_allclose(gradient, (slopes * factor[:, None, None]).transpose(1, 0, 2), **TOLERANCE)
    call = path.bind((x, labels, frames, lengths, None), (0,), "none", **options)
    upstream = rng.normal(size=ITEMS)
    factor = mask * weight * upstream
    gradient = call.gradients(("input",), upstream)[0]
    np.testing.assert_allclose(gradient, (slopes * factor[:, None, None]).transpose(1, 0, 2), **TOLERANCE)
    assert np.isnan(path(x, labels, frames, lengths, mask=np.zeros(ITEMS, bool)))


def test_threads_do_not_change_bits(rng, threads):
    x = rng.normal(size=(40, 70, 100)).astype("f")
    labels, links = rng.integers(0, 100, (70, 30)), rng.normal(size=(100, 100)).astype("f")
    found = []
    for number in (1, 2, 3):
        threads(number)
        call = path.bind((x, labels, None, None, links), (0,))
        assert call.plan.division.threaded and call.plan.division.lanes == 32
        assert not call.plan.division.many_items, "the divisors of a few items need no second thread"
        value, gradients = call.evaluate(("input", "links"))
        found.append((value.tobytes(), *[gradient.tobytes() for gradient in gradients]))
    assert len(set(found)) == 1


def test_threads_do_not_change_bits_of_generated_losses(rng, threads):
    scores = rng.normal(size=(64, 60, 30)).astype("f")
    tags, lengths = rng.integers(0, 30, (64, 60)), rng.integers(1, 61, 64)
    tables = [rng.normal(size=shape).astype("f") for shape in ((30, 30), 30, 30)]
    labels = rng.integers(1, 30, (60, 9))
    found = []
    for number in (1, 2, 5):
        threads(number)
        call = crf_loss.bind((scores, tags, *tables, lengths))
        assert call.plan.division.threaded
        value, gradients = call.evaluate(call.plan.variant.predictions)
        aligned = ctc_loss.value_and_grad(scores, labels, np.full(60, 64), np.full(60, 9))
        found.append([array.tobytes() for array in (value, *gradients, *aligned)])
    assert found[0] == found[1] == found[2]
