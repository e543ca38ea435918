"""Factors of cells by classes, and functions of rows computed in a loop of their own: which losses have them."""

import pytest
from ragged import ragged_loss

from lossgen.formula import (
    Axis,
    ClassIndex,
    Eq,
    Length,
    LogProbability,
    Piecewise,
    exp,
    log,
    loss,
    recurrence,
)
from lossgen.kernel import render_module

T, C, L = Axis("T", place="first"), Axis("C", place="last"), Axis("L", place="last")


def aligned(factor):
    """Paths that stay at a label or go on to the next one; `factor` makes what a cell multiplies of its log-probability."""

    @loss
    def aligned_loss(
        log_probs: LogProbability[T, C], labels: ClassIndex[C].along(L), frames: Length[T] = -1, count: Length[L] = -1
    ):
        """Paths through labels."""
        t, u = T.index(), L.index("u")

        @recurrence(t, u)
        def a(a):
            y = exp(factor(log_probs, labels, t, u))
            start = Piecewise((y, Eq(u, 0)), (0, True))
            return Piecewise((start, Eq(t, 0)), (y * (a[t - 1, u] + a[t - 1, u - 1]), True))

        return -log(a[T.size - 1, L.size - 1])

    return aligned_loss


BY_CLASS = {
    "its class": (lambda x, labels, t, u: x[t, labels[u]], True),
    "a function of its class": (lambda x, labels, t, u: 2 * x[t, labels[u]] - x[t, 0], True),
    "its place, too": (lambda x, labels, t, u: (u + 1) * x[t, labels[u]], False),
    "two classes": (lambda x, labels, t, u: x[t, labels[u]] + x[t, labels[u - 1]], False),
    "a class, the same for all": (lambda x, labels, t, u: x[t, 0], False),
}


@pytest.mark.parametrize("factor, by_class", BY_CLASS.values(), ids=BY_CLASS)
def test_factors_are_computed_by_class_where_a_place_says_nothing_else(factor, by_class):
    made = aligned(factor)
    text = render_module(made, made.variants[0], "float32", "somewhere.py")
    assert ("if n_C < n_L:" in text) == by_class
    assert ("if n_C >= n_L:" in text) == by_class


def test_on_the_device_each_thread_computes_those_of_its_places():
    made = aligned(BY_CLASS["its class"][0])
    host, device = (
        render_module(made, made.variants[0], "float32", "somewhere.py", target) for target in ("cpu", "cuda")
    )
    assert "class_local" in host and "class_local" not in device


def test_functions_of_rows_are_computed_together():
    """The logarithm in a softmax: once for each row, in a loop over rows."""
    text = render_module(ragged_loss, ragged_loss.variants[0], "float32", "somewhere.py")
    body = text[text.index("def keep_rows_2(") :].partition("\n\n\n")[0]
    assert "row_log1p_row[t] = log1p(row_others_at)" in body
    kernels = text[text.index("def keep_rows(") :]
    assert kernels.count("log1p(") == 1
