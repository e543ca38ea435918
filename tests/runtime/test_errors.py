"""Every error is one line that names the loss, the argument, what was given and what is expected."""

import numpy as np
import pytest
from handwritten.losses import choice, latent, square

from lossgen.runtime import LossError, LossTypeError

X = np.zeros((4, 5), "f")
Y = np.zeros(4, int)


def message(call) -> str:
    with pytest.raises(LossError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: square(X[:, 0], X[:, :1]),
            "square: target has shape (4, 1), expected (4,), the shape of input; if that is the same in another form,"
            " give target.reshape((4,))",
        ),
        (
            lambda: square(X[:, :1], X[:, 0]),
            "square: target has shape (4,), expected (4, 1), the shape of input; if that is the same in another form,"
            " give target.reshape((4, 1))",
        ),
        (
            lambda: square(X, X[0]),
            "square: target has shape (5,), expected (4, 5), the shape of input; if it holds for all of them, give"
            " broadcast_to(target, (4, 5))",
        ),
        (lambda: square(X, X[:, 0]), "square: target has shape (4,), expected (4, 5), the shape of input"),
        (
            lambda: choice(X, Y[:, None]),
            "choice: target (class indices) has shape (4, 1), expected (4,), since input has shape (4, 5) and its 'C'"
            " is axis 1; if that is the same in another form, give target.reshape((4,))",
        ),
        (
            lambda: choice(X, np.zeros((4, 5), int)),
            "choice: target (class indices) has shape (4, 5), expected (4,), since input has shape (4, 5) and its 'C'"
            " is axis 1",
        ),
        (
            lambda: choice(X, np.zeros((4, 6), "f")),
            "choice: target (class probabilities) has shape (4, 6), expected (4, 5), the shape of input",
        ),
        (
            lambda: latent(X, X, X[:3], X[:3]),
            "latent: mean has shape (3, 5), expected items of shape (4,), since output has shape (4, 5) and its 'D' is"
            " axis 1",
        ),
        (
            lambda: choice(X, Y, np.ones(4)),
            "choice: weight has shape (4,), expected (5,), one entry for each entry of axis 'C' of input of shape"
            " (4, 5)",
        ),
        (
            lambda: square(X, X, np.ones(4)),
            "square: weight has shape (4,), expected a shape that broadcasts to the items (4, 5)",
        ),
        (lambda: choice(X[:, :0], Y), "choice: input has shape (4, 0), expected at least one class on axis 'C'"),
        (lambda: choice(0.0, 0), "choice: input has shape (), expected at least one dimension for axis 'C'"),
        (lambda: square(None, X), "square: input is missing, expected an array (got None)"),
        (lambda: square(X, None), "square: target is missing, expected an array (got None)"),
    ],
)
def test_shapes(call, expected):
    assert message(call) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: square(X.astype(complex), X), "square: input has dtype complex128, expected real numbers"),
        (lambda: square(X, X.astype(object)), "square: target has dtype object, expected real numbers"),
        (lambda: square(["a"], ["b"]), "square: input has dtype <U1, expected real numbers"),
        (lambda: square(X.astype(np.longdouble), X), "square: input has dtype "),
        (lambda: square([[1, 2], [3]], X), "square: input is a list that is not an array"),
        (lambda: choice(X, Y, np.ones(5, "M8[s]")), "choice: weight has dtype datetime64[s], expected real numbers"),
        (
            lambda: latent(X, X, X.astype(float), X),
            "latent: mean has dtype float64, expected float32, the dtype of output",
        ),
        (lambda: latent(X, X, X.astype(np.float16), X), "latent: mean has dtype float16, expected float32"),
        (lambda: square(X, X, mask=np.ones(X.shape)), "square: mask has dtype float64, expected bool"),
        (lambda: square(X, X, sample_weight=1j), "square: sample_weight has dtype complex128, expected real"),
        (lambda: square(X, X, denominator="3"), "square: denominator is '3', expected a positive number"),
        (lambda: square(X, X, factor="3"), "square: factor is '3', expected a finite number greater than 0"),
        (lambda: square(X, X, factor=[3]), "square: factor is [3], expected a finite number greater than 0"),
        (lambda: choice(X, Y, axis=1.5), "choice: axis is 1.5, expected an integer, a tuple of integers, or a dict"),
    ],
)
def test_types(call, expected):
    text = message(call)
    assert text.startswith(expected)
    with pytest.raises(LossTypeError):
        call()
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: square(X, X, reduction="men"),
            "square: reduction is 'men', expected one of 'mean', 'sum', 'none'; did you mean 'mean'?",
        ),
        (lambda: square(X, X, reduction=[1]), "square: reduction is [1], expected one of 'mean', 'sum', 'none'"),
        (lambda: square(X, X, mask=np.ones(4, bool)), "square: mask has shape (4,), expected (4, 5), the shape of the"),
        (
            lambda: square(X, X, sample_weight=np.ones((4, 4))),
            "square: sample_weight has shape (4, 4), expected a shape that broadcasts to the items (4, 5)",
        ),
        (lambda: square(X, X, denominator=0), "square: denominator is 0, expected a positive number"),
        (lambda: square(X, X, denominator=-1.5), "square: denominator is -1.5, expected a positive number"),
        (lambda: square(X, X, denominator=np.nan), "square: denominator is nan, expected a positive number"),
        (lambda: square(X, X, denominator=np.inf), "square: denominator is inf, expected a positive number"),
        (
            lambda: square(X, X, reduction="none", denominator=2),
            "square: denominator is 2, expected None with reduction='none'",
        ),
        (lambda: square(X, X, factor=0), "square: factor is 0, expected a finite number greater than 0"),
        (lambda: square(X, X, factor=np.nan), "square: factor is nan, expected a finite number greater than 0"),
        (lambda: choice(X, Y, ignore_index=1.5), "choice: ignore_index is 1.5, expected an integer"),
        (lambda: choice(X, Y, ignore_index=np.inf), "choice: ignore_index is inf, expected an integer"),
        (lambda: choice(X, Y, axis=2), "choice: axis 2 is out of range for input of shape (4, 5), expected -2 ... 1"),
        (lambda: choice(X, Y, axis=-3), "choice: axis -3 is out of range for input of shape (4, 5), expected -2 ... 1"),
        (
            lambda: choice(X, Y, axis=(1, -1)),
            "choice: axis (1, -1) names dimension 1 of input twice, expected it once",
        ),
        (lambda: choice(X, Y, axis=()), "choice: axis is (), expected at least one dimension of input of shape (4, 5)"),
        (lambda: choice(X, Y, axis={"c": 1}), "choice: the name of an axis is 'c', expected one of 'C'"),
        (lambda: square(X, X, axis=1), "square: axis is 1, expected None: the loss works element by element"),
        (
            lambda: square.value_and_grad(X, X, wrt="inptu"),
            "square: wrt is 'inptu', expected one of 'input', 'target', 'weight'; did you mean 'input'?",
        ),
        (lambda: choice.value_and_grad(X, Y, wrt="target"), "choice: wrt is 'target', expected one of 'input', 'weig"),
        (
            lambda: square.value_and_grad(X, X, wrt=("input", "weight")),
            "square: wrt is 'weight', expected an argument that is given (got None)",
        ),
        (
            lambda: square.hvp(X, X, X[0]),
            "square: the direction for input has shape (5,), expected (4, 5)",
        ),
        (
            lambda: latent.hvp(X, X, X, X, X),
            "latent: direction has 1 arrays, expected 3 arrays, one for each of output, mean, spread",
        ),
    ],
)
def test_options(call, expected):
    assert message(call).startswith(expected)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("label", [7, -1, -101, 2**40])
def test_labels_out_of_range_name_item_and_label(axis, reduction, label):
    y = np.zeros((3, 8), int)
    y[2, 5] = label
    x = np.zeros((3, 7, 8) if axis == 1 else (3, 8, 7), "f")
    expected = f"choice: target[2, 5] is {label}, expected a label in 0 ... 6 or ignore_index=-100"
    assert message(lambda: choice(x, y, axis=axis, reduction=reduction)) == expected
    assert message(lambda: choice.value_and_grad(x, y, axis=axis, reduction=reduction)) == expected
    y[2, 5] = -100
    choice(x, y, axis=axis, reduction=reduction)


def test_labels_of_items_that_do_not_count_may_be_anything():
    y = np.array([0, 99, 1, 5])
    mask = y != 99
    assert np.isfinite(choice(X, y, mask=mask, ignore_index=5))
    assert np.isfinite(choice(X, y, sample_weight=mask.astype("f"), ignore_index=5, reduction="sum"))
    assert "target[1] is 99" in message(lambda: choice(X, y, mask=~mask, ignore_index=5))


def test_values_outside_a_domain_name_entry_and_value():
    y = X.copy()
    y[3, 2] = np.nan
    assert message(lambda: square(X, y)) == "square: target[3, 2] is nan, expected a number that is not NaN"
    assert message(lambda: square(X.T, y.T)) == "square: target[2, 3] is nan, expected a number that is not NaN"
    assert message(lambda: square(1.0, np.nan)) == "square: target is nan, expected a number that is not NaN"
    y[3, 2] = 1.5
    assert message(lambda: choice(X, y)) == "choice: target[3, 2] is 1.5, expected a number in [0, 1]"
    moved = np.moveaxis(np.broadcast_to(y, (2, 4, 5)), -1, 1)
    text = message(lambda: choice(np.zeros((2, 5, 4), "f"), moved))
    assert text == "choice: target[0, 2, 3] is 1.5, expected a number in [0, 1]"


def test_domain_errors_from_lanes_and_threads(threads):
    threads(3)
    x = np.zeros(400_000, "f")
    y = x.copy()
    y[[399_000, 399_999]] = np.nan
    assert message(lambda: square.value_and_grad(x, y)).startswith("square: target[399000] is nan")
    assert message(lambda: square.value_and_grad(x[::-1], y[::-1])).startswith("square: target[0] is nan")


def test_an_error_does_not_spoil_the_next_call():
    bad = np.full((4, 5), np.nan, "f")
    for _ in range(3):
        message(lambda: square(X, bad))
        assert square(X, X + 1) == 1
