"""CTC where digits die: confident frames, a thousand of them, classes that are ruled out, targets that do not fit."""

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as some
from lattice_references import ctc, ctc_in_50_digits
from lossgen.generated import ctc_loss, ctc_with_logits_loss

from lossgen.runtime import get_num_threads, set_num_threads

SEED = 4


def log_softmax(x):
    high = x.max(-1, keepdims=True)
    return x - high - np.log(np.exp(x - high).sum(-1, keepdims=True))


def confident(frames, classes, labels, scale, rng):
    """Logits of which most frames say what an alignment of the labels says, with a few mistakes."""
    logits = scale * rng.normal(size=(frames, classes)) / 3
    ends = np.sort(rng.choice(np.arange(1, frames), len(labels), replace=False))
    for place, label in zip(ends, labels, strict=True):
        logits[place, label] += scale
    quiet = np.setdiff1d(np.arange(frames), ends)
    logits[quiet, 0] += scale
    return logits.astype("f")


def labels_of(count, classes, rng):
    """Labels without repeats in a row."""
    return np.cumsum(rng.integers(1, classes - 1, count)) % (classes - 1) + 1


@pytest.mark.parametrize(
    "frames, labels, scale", [(1000, 20, 1), (1000, 20, 30), (60, 12, 30), (60, 29, 100), (200, 3, 0)]
)
def test_float32_against_50_digits(frames, labels, scale):
    rng = np.random.default_rng(SEED + frames + scale)
    classes = 6
    target = labels_of(labels, classes, rng)
    logits = confident(frames, classes, target, scale, rng)
    for loss, x in ((ctc_loss, log_softmax(logits.astype(float)).astype("f")), (ctc_with_logits_loss, logits)):
        value, slope = loss.value_and_grad(x, target, frames, labels, reduction="sum")
        wide = x.astype(float)
        right, expected = ctc_in_50_digits(wide if loss is ctc_loss else log_softmax(wide), target)
        if loss is ctc_with_logits_loss:
            expected += np.exp(log_softmax(wide))
        assert value.dtype == slope.dtype == np.float32
        np.testing.assert_allclose(value, right, rtol=1e-6, err_msg=f"seed {SEED}")
        np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-6, err_msg=f"seed {SEED}")


@pytest.mark.parametrize("gap", [5, 20, 40])
def test_the_loss_of_a_certain_labelling_keeps_its_digits(gap):
    """Every frame is certain of its class, so that the probability is 1 but for e^−gap."""
    target = (1, 2, 3, 1)
    logits = np.zeros((12, 4))
    logits[np.arange(12), [0, 1, 1, 0, 2, 0, 3, 3, 0, 0, 1, 0]] = gap
    wide = log_softmax(logits)
    wide[logits == gap] = -np.log1p(3 * np.exp(-gap))
    right, _ = ctc_in_50_digits(wide, target)
    for dtype, bound in (("f4", 1e-6), ("f8", 1e-12)):
        found = ctc_with_logits_loss(logits.astype(dtype), target, 12, 4, reduction="sum")
        np.testing.assert_allclose(found, right, rtol=bound)


def test_the_reference_is_every_alignment():
    rng = np.random.default_rng(SEED)
    for labels in ((), (1,), (1, 1), (2, 1), (1, 2, 2)):
        scores = rng.normal(size=(5, 3))
        for found, right in zip(ctc_in_50_digits(scores, labels), ctc(scores, labels), strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", [ctc_loss, ctc_with_logits_loss])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_class_that_is_ruled_out(loss, dtype):
    """A class at −inf is in no alignment: nothing changes for a target without it, and one with it is infeasible."""
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(6, 2, 5)).astype(dtype)
    x[:, :, 4] = -np.inf
    target, lengths = np.array([[1, 2], [3, 4]]), [2, 2]
    value, slope = loss.value_and_grad(x, target, 6, lengths, reduction="none")
    narrow, narrow_slope = loss.value_and_grad(x[..., :4], np.array([[1, 2], [3, 3]]), 6, lengths, reduction="none")
    np.testing.assert_allclose(value[0], narrow[0], rtol=1e-6)
    np.testing.assert_allclose(slope[:, 0, :4], narrow_slope[:, 0], rtol=1e-5, atol=1e-7)
    assert value[1] == np.inf
    assert not slope[:, 1].any() and not slope[:, 0, 4].any() and np.isfinite(slope).all()
    direction = rng.normal(size=x.shape).astype(dtype)
    product = loss.hvp(x, target, 6, lengths, direction)
    assert np.isfinite(product).all() and not product[:, 1].any() and not product[:, 0, 4].any()


@pytest.mark.parametrize("loss", [ctc_loss, ctc_with_logits_loss])
def test_a_target_that_does_not_fit(loss):
    """inf, or 0 with zero_infinity, and nothing to learn from it; the other items are as without it."""
    rng = np.random.default_rng(SEED)
    x, target = rng.normal(size=(4, 3, 4)), np.array([[1, 2, 0], [3, 3, 3], [2, 2, 1]])
    frames, lengths = [4, 4, 3], [2, 3, 3]
    value, slope = loss.value_and_grad(x, target, frames, lengths, reduction="none")
    assert np.isfinite(value[0]) and (value[1:] == np.inf).all()
    assert slope[:, 0].any() and not slope[:, 1:].any()
    given = {"zero_infinity": True, "reduction": "none"}
    zeroed, zeroed_slope = loss.value_and_grad(x, target, frames, lengths, **given)
    assert np.array_equal(zeroed, [value[0], 0, 0]) and np.array_equal(zeroed_slope, slope)
    for zero_infinity in (False, True):
        product = loss.hvp(x, target, frames, lengths, np.ones_like(x), zero_infinity=zero_infinity)
        assert not product[:, 1:].any() and np.isfinite(product).all()


@pytest.mark.parametrize("loss", [ctc_loss, ctc_with_logits_loss])
def test_the_same_bits_for_any_number_of_threads(loss):
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(60, 40, 30)).astype("f")
    target, lengths = rng.integers(1, 30, (40, 12)), rng.integers(0, 13, 40)
    before, found = get_num_threads(), []
    try:
        for threads in (1, 2):
            set_num_threads(threads)
            value, slope = loss.value_and_grad(x, target, 60, lengths)
            found.append((value.tobytes(), slope.tobytes()))
    finally:
        set_num_threads(before)
    assert found[0] == found[1]


@some.composite
def items(draw):
    """A batch: scores up to confident ones, ragged lengths, targets with repeats, empty ones, and ones that do not fit."""
    frames, classes = draw(some.integers(1, 5)), draw(some.integers(2, 3))
    blank = draw(some.integers(0, classes - 1))
    label = some.sampled_from([c for c in range(classes) if c != blank])
    targets = draw(some.lists(some.lists(label, max_size=frames + 1), min_size=1, max_size=3))
    lengths = draw(some.lists(some.integers(1, frames), min_size=len(targets), max_size=len(targets)))
    size, count = (frames, len(targets), classes), frames * len(targets) * classes
    scores = some.floats(-30, 5, width=32) | some.just(-np.inf) | some.integers(-1, 1)
    numbers = draw(some.lists(scores, min_size=count, max_size=count))
    return np.array(numbers, float).reshape(size), targets, lengths, blank, draw(some.booleans())


@seed(SEED)
@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(items())
def test_any_batch_is_the_sum_over_its_alignments(batch):
    scores, targets, lengths, blank, joined = batch
    sizes = np.array([len(labels) for labels in targets])
    rows = np.full((len(targets), max(sizes.max(), 1)), -7)
    for row, labels in zip(rows, targets, strict=True):
        row[: len(labels)] = labels
    given_targets = np.concatenate([np.array(labels, int) for labels in targets]) if joined else rows
    given = given_targets, np.array(lengths), sizes
    values, slopes = ctc_loss.value_and_grad(scores, *given, blank=blank, reduction="none")
    assert np.isfinite(slopes).all()
    for n, labels in enumerate(targets):
        with np.errstate(divide="ignore"):
            value, slope = ctc(scores[: lengths[n], n], labels, blank)
        assert not slopes[lengths[n] :, n].any()
        if not np.isfinite(value):
            assert values[n] == np.inf and not slopes[:, n].any()
        else:
            np.testing.assert_allclose(values[n], value, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(slopes[: lengths[n], n], slope, rtol=1e-8, atol=1e-12)
