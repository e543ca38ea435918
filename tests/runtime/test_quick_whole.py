"""Plain calls of losses over lattices: the bits of the engine, and the engine's words where something is wrong."""

import numpy as np
import pytest
from lossgen.generated import crf_loss, ctc_with_logits_loss, rnnt_loss, soft_dtw_loss

from lossgen.runtime import LossError
from lossgen.runtime.engine import Call

FRAMES, LENGTHS = np.array([9, 7, 5]), np.array([3, 0, 2])
LABELS = np.array([[1, 4, 4, 2], [0, 0, 0, 0], [3, 1, 0, 0]])
JOINED = np.array([1, 4, 4, 3, 1])


def logits(dtype=np.float32):
    return np.random.default_rng(20).standard_normal((9, 3, 5)).astype(dtype)


@pytest.fixture
def no_engine(monkeypatch):
    """Only plain calls are possible."""

    def fail(*_):
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(Call, "_run", fail)


@pytest.fixture
def asked(monkeypatch):
    """What the engine was asked for: calls that are not plain."""
    found = []
    usual = Call._run

    def count(call, *given):
        found.append(call)
        return usual(call, *given)

    monkeypatch.setattr(Call, "_run", count)
    return found


ARGUMENTS = {
    "padded": (LABELS, FRAMES, LENGTHS),
    "joined": (JOINED, FRAMES, LENGTHS),
    "padding that is no class": (np.where(LABELS == 0, -100, LABELS), FRAMES, LENGTHS),
    "large padding": (np.where(LABELS == 0, 5, LABELS), FRAMES, LENGTHS),
    "int32": tuple(a.astype(np.int32) for a in (LABELS, FRAMES, LENGTHS)),
    "read-only": tuple(np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for a in (LABELS, FRAMES, LENGTHS)),
    "strided": (np.repeat(LABELS, 2, 1)[:, ::2], np.repeat(FRAMES, 2)[::2], np.repeat(LENGTHS, 3)[::3]),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("given", ARGUMENTS)
def test_the_bits_are_those_of_the_engine(given, reduction, asked):
    for dtype in (np.float32, np.float64):
        for _ in range(3):  # the first call settles the types of the second
            value, gradient = ctc_with_logits_loss.value_and_grad(logits(dtype), *ARGUMENTS[given], reduction=reduction)
        assert not asked
        every = np.ones(3, bool)  # a mask is for the engine
        expected = ctc_with_logits_loss.value_and_grad(
            logits(dtype), *ARGUMENTS[given], reduction=reduction, mask=every
        )
        assert asked.pop()
        assert np.array_equal(value, expected[0]) and np.array_equal(gradient, expected[1])
        assert value.dtype == gradient.dtype == dtype and value.shape == expected[0].shape


@pytest.mark.usefixtures("no_engine")
def test_axes_elsewhere():
    moved = logits().swapaxes(0, 1).copy()
    found = ctc_with_logits_loss.value_and_grad(moved, LABELS.T, FRAMES, LENGTHS, axis={"T": 1, "L": 0})
    expected = ctc_with_logits_loss.value_and_grad(logits(), LABELS, FRAMES, LENGTHS)
    assert found[0] == expected[0] and np.array_equal(found[1].swapaxes(0, 1), expected[1])


@pytest.mark.usefixtures("no_engine")
def test_other_losses_and_the_value_alone_are_plain_calls():
    rng = np.random.default_rng(20)
    grid = rng.standard_normal((3, 9, 5, 6), np.float32)
    value, gradient = rnnt_loss.value_and_grad(grid, LABELS, FRAMES, LENGTHS)
    assert value == rnnt_loss(grid, LABELS, FRAMES, LENGTHS) and gradient.shape == grid.shape
    assert np.all(gradient[1, :, 1:] == 0) and np.any(gradient[0, 8, 3] != 0)
    labels = np.maximum(LABELS, 1)
    whole = rnnt_loss.value_and_grad(grid, labels)
    every = rnnt_loss.value_and_grad(grid, labels, np.full(3, 9), np.full(3, 4))
    assert whole[0] == every[0] and np.array_equal(whole[1], every[1])
    distances = np.square(rng.standard_normal((3, 9, 4), np.float32))
    assert soft_dtw_loss.value_and_grad(distances)[1].shape == (3, 9, 4)


@pytest.mark.parametrize(
    ("x", "rest"),
    [(np.asfortranarray(logits()), (LABELS, FRAMES, LENGTHS)), (logits(), (LABELS, 9, LENGTHS))],
    ids=["a copy", "one length for all"],
)
@pytest.mark.usefixtures("no_engine")
def test_what_is_to_be_copied_is_a_plain_call_too(x, rest):
    found = ctc_with_logits_loss.value_and_grad(x, *rest)
    frames = np.broadcast_to(rest[1], 3).copy()
    expected = ctc_with_logits_loss.value_and_grad(x.copy(order="C"), rest[0], frames, rest[2])
    assert found[0] == expected[0] and np.array_equal(found[1], expected[1])


def test_gradients_that_are_rounded_are_left_to_the_engine(asked):
    x = logits().astype(np.float16)
    value, gradient = ctc_with_logits_loss.value_and_grad(x, LABELS, FRAMES, LENGTHS)
    assert asked and gradient.dtype == np.float16
    expected = ctc_with_logits_loss.value_and_grad(x.astype(np.float32), LABELS, FRAMES, LENGTHS)
    assert value == expected[0] and np.array_equal(gradient, expected[1].astype(np.float16))


def test_gradients_that_are_summed_have_the_bits_of_the_engine(asked):
    rng = np.random.default_rng(20)
    emissions, transitions = rng.standard_normal((3, 9, 5)), rng.standard_normal((5, 5))
    given = emissions, rng.integers(0, 5, (3, 9)), transitions, *rng.standard_normal((2, 5))
    value, gradients = crf_loss.value_and_grad(*given)
    assert not asked
    again, expected = crf_loss.value_and_grad(*given, mask=np.ones(3, bool))
    assert asked and value == again
    for gradient, right in zip(gradients, expected, strict=True):
        assert np.array_equal(gradient, right)


LARGE = 1 << 62


@pytest.mark.parametrize(
    ("rest", "options", "message"),
    [
        ((LABELS, FRAMES + 1, LENGTHS), {}, r"input_lengths\[0\] is 10, expected a length in 0 \.\.\. 9"),
        ((LABELS, FRAMES - 6, LENGTHS), {}, r"input_lengths\[2\] is -1, expected a length in 0"),
        ((LABELS, FRAMES, LENGTHS + 2), {}, r"target_lengths\[0\] is 5, expected a length in 0 \.\.\. 4"),
        ((LABELS + 1, FRAMES, LENGTHS), {}, r"targets\[0, 1\] is 5, expected a label in 0 \.\.\. 4"),
        ((LABELS - 2, FRAMES, LENGTHS), {}, r"targets\[0, 0\] is -1, expected a label in 0"),
        ((LABELS, FRAMES, LENGTHS), {"blank": 4}, r"targets\[0, 1\] is 4, expected a label other than blank"),
        ((LABELS, FRAMES, LENGTHS), {"blank": 5}, "blank is 5, expected an integer in 0"),
        ((JOINED, FRAMES, LENGTHS + 1), {}, "targets has 5 entries, expected 8, the sum of target_lengths"),
        # 64 bits make 5 of this sum, and an address of what would be read
        ((JOINED, FRAMES, np.array([LARGE + 5, LARGE, -1 - LARGE])), {}, r"target_lengths\[2\] is"),
    ],
)
def test_what_is_wrong_is_said_after_fine_calls_too(rest, options, message):
    ctc_with_logits_loss(logits(), LABELS, FRAMES, LENGTHS)
    ctc_with_logits_loss(logits(), JOINED, FRAMES, LENGTHS)
    for _ in range(2):
        with pytest.raises(LossError, match=f"^ctc_with_logits_loss: {message}"):
            ctc_with_logits_loss(logits(), *rest, **options)


@pytest.mark.parametrize("options", [{}, {"mask": np.ones(4, bool)}])
def test_lengths_whose_sum_overflows_do_not_pass(options):
    x, lengths = np.zeros((9, 4, 5), np.float32), np.array([LARGE + 5, LARGE, LARGE, LARGE])
    expected = f"expected {sum(lengths.tolist())}, the sum of target_lengths"
    for _ in range(2):
        with pytest.raises(LossError, match=f"^ctc_with_logits_loss: targets has 5 entries, {expected}"):
            ctc_with_logits_loss(x, JOINED, np.full(4, 9), lengths, **options)
