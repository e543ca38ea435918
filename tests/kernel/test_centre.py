"""The mean under a softmax, taken from the largest entry: which differences are centred, and what they keep in a confident row."""

import pytest
from sympy import Add, Ne, Piecewise, exp, oo

from lossgen.formula import Axis, ClassIndex, Logit, LogSumExp, Sum, item
from lossgen.formula.nodes import Max
from lossgen.formula.symbols import Argument
from lossgen.kernel.centre import centred

C, K = Axis("C"), Axis("K")
c, d, i, k = C.index("c"), C.index("d"), C.index("i"), K.index("k")
x, v, w = (Argument(name, Logit[C]) for name in ("x", "v", "w"))
y, other = Argument("y", ClassIndex[C]), Argument("other", Logit[K])
LSE = LogSumExp(x[d], d)
SHARE = exp(x[c] - LSE)
MEAN = Sum(SHARE * v[c], c)
GUARDED = LogSumExp(Piecewise((x[d], Ne(d, item)), (-oo, True)), d)
GUARDED_SHARE = exp(x[c] - GUARDED)
GUARDED_MEAN = Sum(Piecewise((GUARDED_SHARE * v[c], Ne(c, item)), (0, True)), c)


def as_it_is(node):
    return node


@pytest.mark.parametrize(
    "node",
    [
        v[i] - MEAN,
        v[y] - MEAN,
        MEAN - v[i],
        3 * v[i] - 3 * MEAN,
        w[i] * v[i] - w[i] * MEAN,
        v[i] - MEAN + w[i],
        v[i] * w[i] - Sum(SHARE * v[c] * w[c], c),
        v[i] * other[k] - Sum(SHARE * v[c] * other[k], c),
        v[i] - GUARDED_MEAN,
        3 * w[i] * GUARDED_MEAN - 3 * w[i] * v[i],
    ],
    ids=str,
)
def test_an_entry_less_its_mean_is_centred(node):
    """The entry of the largest class comes off both, before anything is summed."""
    result = centred(node, as_it_is)
    assert result is not None and result.has(Max)


@pytest.mark.parametrize(
    "node",
    [
        v[i] + MEAN,
        w[i] - MEAN,
        2 * v[i] - MEAN,
        v[i] - Sum(w[c] * v[c], c),
        v[i] - Sum(exp(x[c]) * v[c], c),
        v[i] - Sum(exp(w[c] - LSE) * v[c], c),
        1 - Sum(SHARE, c),
        v[i] - Sum(Piecewise((GUARDED_SHARE * v[c], Ne(c, y)), (0, True)), c),
        v[i] - Sum(GUARDED_SHARE * v[c], c),
        v[i] - Sum(Piecewise((SHARE * v[c], Ne(c, item)), (0, True)), c),
    ],
    ids=str,
)
def test_what_is_no_such_difference_is_not(node):
    assert centred(node, as_it_is) is None


@pytest.mark.parametrize("rest", [w[y], 3 * w[i]], ids=str)
def test_terms_beside_it_stay(rest):
    alone = centred(v[i] - MEAN, as_it_is)
    assert centred(v[i] - MEAN + rest, as_it_is) == Add(alone, rest)


def test_what_a_condition_leaves_out_is_neither_the_largest_entry_nor_in_the_sum():
    """Every sum that comes of it has the condition."""
    sums = centred(v[i] - GUARDED_MEAN, as_it_is).atoms(Sum)
    assert len(sums) == 3 and all(Ne(c, item) in total.body.args[0].args for total in sums)
