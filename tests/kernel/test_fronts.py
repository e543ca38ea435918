"""How threads may divide the cells of a step: which cells need others, who owns what is added to, how places are spelt."""

import pytest
from sympy import Eq, Integer, Piecewise

from lossgen.derive.sweeps import Fill, Put, Table, Write
from lossgen.formula import Axis, ClassIndex, Prediction, Sum
from lossgen.formula.symbols import Argument
from lossgen.kernel.fronts import order_of, owned, reduces_in_cell
from lossgen.kernel.spelling import DeviceSpelling, HostSpelling

T, K = Axis("T", place="last"), Axis("K", place="last")
t, k, j = T.index(), K.index(), K.index("j")
a, other, line = Table("a", (t, k)), Table("b", (t, k)), Table("c", (t,))
x, y = Argument("x", Prediction[T, K]), Argument("y", ClassIndex[K].along(K))
table = Argument("w", Prediction[K, K].shared())

ORDERS = {
    "no other cell": (Fill(a, other[t - 1, k] + x[t, k]), "free"),
    "its own cell": (Fill(a, 2 * a[t, k]), "free"),
    "the row before": (Fill(a, a[t - 1, k] + a[t - 1, k - 2]), "rows"),
    "a row further back, and all of a row": (Fill(a, a[t - 2, k] + Sum(a[t - 1, j], j)), "rows"),
    "the row after, backwards": (Fill(a, a[t + 1, k + 1], reverse=True), "rows"),
    "beside and above": (Fill(a, a[t - 1, k] + a[t, k - 1] + a[t - 1, k - 1]), "diagonals"),
    "beside and below, backwards": (Fill(a, a[t + 1, k] + a[t, k + 1], reverse=True), "diagonals"),
    "a kept part of the cell beside": (Fill(a, other[t, k - 1], kept=((other, x[t, k]),)), "diagonals"),
    "above to the right, and beside": (Fill(a, a[t - 1, k + 1] + a[t, k - 1]), "alone"),
    "all of the row above, and beside": (Fill(a, Sum(a[t - 1, j], j) + a[t, k - 1]), "alone"),
    "one after the other": (Fill(line, line[(t - 1,)]), "alone"),
    "a place that is computed": (Fill(line, line[(T.size - t,)]), "alone"),
}


@pytest.mark.parametrize("step, order", ORDERS.values(), ids=ORDERS)
def test_the_order_of_cells(step, order):
    assert order_of(step) == order


def test_threads_own_what_they_add_to():
    """A place that a label names may be that of several cells; so may one that an index does not occur in."""
    label = Piecewise((Integer(0), Eq(k % 2, 0)), (y[(k - 1) / 2], True))
    assert owned(Write(x, (t, label), a[t, k], (t, k)), (t, k)) == [t]
    assert owned(Write(table, (j, k), a[t, k], (t, j, k)), (t, j, k)) == [j, k]
    assert owned(Write(x, (T.size - 1, y[0]), Integer(1)), ()) == []
    assert owned(Put(a, (T.size - 1, k), Integer(1), (k,)), (k,)) == [k]
    assert owned(Fill(a, a[t - 1, k]), (t, k)) == [k]
    assert owned(Fill(a, x[t, k]), (t, k)) == [t, k]


def test_a_cell_with_a_sum_of_its_own():
    assert reduces_in_cell(Fill(a, Sum(table[j, k], j)), k)
    assert not reduces_in_cell(Fill(a, Sum(x[t, j], j) + other[t, k]), k)


def test_places():
    host, device = HostSpelling(), DeviceSpelling()
    assert host.part("a", ["t + 1"], ["n_T + 2", "n_K + 3"], 2) == "a[t + 1, 2:]"
    assert device.part("a", ["t + 1"], ["n_T + 2", "n_K + 3"], 2) == "beyond(a, (t + 1) * (n_K + 3) + 2)"
    assert (host.part("a", [], ["n_T"], 0), device.part("a", [], ["n_T"], 0)) == ("a[:]", "a")
    sides = [3, 4, 5]
    text = device.index(["u", "v + 1", "w"], list(map(str, sides)))
    for u, v, w in [(0, 0, 0), (1, 2, 3), (2, 1, 4)]:
        assert eval(text, {"u": u, "v": v, "w": w}) == (u * 4 + v + 1) * 5 + w
    assert host.index(["u", "v"], ["3", "4"]) == "u, v"
