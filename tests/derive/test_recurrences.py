"""What is derived from recurrences: the log domain, where arrays are read, what cells need beforehand, steps along a direction."""

import pytest
from sympy import Integer, Piecewise, Symbol, exp, log, oo

from lossgen.derive.lattice import LatticeDerivation
from lossgen.derive.locals import locals_of
from lossgen.derive.paths import in_log_domain, logarithm, sums_over_paths
from lossgen.derive.patterns import Pattern, apart, patterns, slope
from lossgen.derive.rewrite import Rewriter
from lossgen.derive.rules import STABLE
from lossgen.derive.sweeps import Fill, Put, Table, Write
from lossgen.derive.tangent import Tangent
from lossgen.formula import (
    Axis,
    Binary,
    ClassIndex,
    Eq,
    Fraction,
    Logit,
    LogSumExp,
    NonNegativePrediction,
    Prediction,
    Probability,
    Sum,
    loss,
    recurrence,
    sigmoid,
)
from lossgen.formula.nodes import Delta
from lossgen.formula.paths import log_add_exp, share
from lossgen.formula.recurrence import Cell
from lossgen.formula.symbols import Argument, Hyperparameter

T, K, C = Axis("T", place="last"), Axis("K", place="last"), Axis("C", place="last")
t, k, j, c = T.index(), K.index(), K.index("j"), C.index()
x, w, y = Argument("x", Logit[T, K]), Argument("w", Prediction[K, K].shared()), Argument("y", ClassIndex[K].along(T))
p, q = Argument("p", Probability[T, K]), Argument("q", NonNegativePrediction[T, K])
z, b = Argument("z", Prediction), Hyperparameter("b", Fraction)
a = Symbol("a", real=True)
stable = Rewriter(STABLE)


def cell(*positions):
    return Cell(a, *positions)


@pytest.mark.parametrize(
    "sum_, expected",
    [
        (Integer(0), -oo),
        (exp(x[t, k]), x[t, k]),
        (cell(t - 1, k), cell(t - 1, k)),
        (exp(x[t, k]) * cell(t - 1, k), x[t, k] + cell(t - 1, k)),
        (cell(t - 1, k) + exp(x[t, k]), log_add_exp(cell(t - 1, k), x[t, k])),
        (Sum(cell(t - 1, j) * exp(w[j, k]), j), LogSumExp(cell(t - 1, j) + w[j, k], j)),
        (exp(x[t, k]) / Sum(exp(x[t, j]), j), x[t, k] - LogSumExp(x[t, j], j)),
        (Piecewise((0, Eq(t, 0)), (cell(t - 1, k), True)), Piecewise((-oo, Eq(t, 0)), (cell(t - 1, k), True))),
        (1 - sigmoid(z), log(1 - sigmoid(z))),
    ],
)
def test_the_logarithm_of_a_sum_over_paths(sum_, expected):
    found = logarithm(sum_, Cell)
    assert (found.func, set(found.args)) == (expected.func, set(expected.args)), found


def lattice(formula, *indices, **options):
    @recurrence(*indices, **options)
    def a(a):
        return formula(a)

    return a


def after(step, first=1):
    return lambda a: Piecewise((first, Eq(t, 0)), (step(a), True))


OVER_PATHS = {
    "exponentials": after(lambda a: exp(x[t, k]) * (a[t - 1, k] + a[t - 1, k - 1])),
    "softmaxes": after(lambda a: exp(x[t, k]) / Sum(exp(x[t, j]), j) * a[t - 1, k]),
    "a sum over states": after(lambda a: Sum(a[t - 1, j] * exp(w[j, k]), j), exp(x[t, k])),
    "probabilities": after(lambda a: p[t, k] * a[t - 1, k] + (1 - p[t, k - 1]) * a[t - 1, k - 1]),
    "fractions": after(lambda a: b * a[t - 1, k] + (1 - b) * a[t - 1, k - 1]),
    "sigmoids": after(lambda a: sigmoid(x[t, k]) * a[t - 1, k] + (1 - sigmoid(x[t, k])) * a[t - 1, k - 1]),
    "zeros and ones": after(lambda a: Argument("m", Binary[T, K])[t, k] * a[t - 1, k]),
}
NOT_OVER_PATHS = {
    "real weights": after(lambda a: x[t, k] * a[t - 1, k]),
    "real terms": after(lambda a: a[t - 1, k] + x[t, k]),
    "a difference": after(lambda a: a[t - 1, k] - a[t - 1, k - 1]),
    "a negative number": after(lambda a: -2 * exp(x[t, k]) * a[t - 1, k]),
    "a square of what may be 0": after(lambda a: x[t, k] ** 2 + a[t - 1, k]),
    "amounts that may be 0": after(lambda a: q[t, k] * a[t - 1, k]),
    "one real number per item": after(lambda a: z + a[t - 1, k]),
    "a fraction of a real number": after(lambda a: b * a[t - 1, k] + (1 - b) * x[t, k]),
    "a product of cells": after(lambda a: a[t - 1, k] * a[t - 1, k - 1]),
    "a power of a cell": after(lambda a: a[t - 1, k] ** 2),
    "a function of a cell": after(lambda a: exp(-a[t - 1, k])),
}


@pytest.mark.parametrize("formula", OVER_PATHS.values(), ids=OVER_PATHS)
def test_sums_over_paths(formula):
    found = lattice(formula, t, k)
    assert sums_over_paths(found)
    assert not sums_over_paths(lattice(formula, t, k, outside=oo))
    kept = in_log_domain(found[T.size - 1, k])
    assert isinstance(kept, exp) and kept.args[0].lattice.outside == -oo


@pytest.mark.parametrize("formula", NOT_OVER_PATHS.values(), ids=NOT_OVER_PATHS)
def test_what_is_no_sum_over_paths_stays_as_it_is(formula):
    found = lattice(formula, t, k)
    assert not sums_over_paths(found)
    assert in_log_domain(found[T.size - 1, k]) == found[T.size - 1, k]
    assert in_log_domain(log(found[T.size - 1, k])) == log(found[T.size - 1, k])


def test_a_logarithm_of_a_sum_of_exponentials_of_cells_is_one_function():
    soft = lattice(after(lambda a: -log(exp(-a[t - 1, k]) + exp(-a[t - 1, k - 1])), 0), t, k, outside=oo)
    (found,) = in_log_domain(soft[T.size - 1, k]).lattice.cell.atoms(log_add_exp)
    assert set(found.args) == {-cell(t - 1, k), -cell(t - 1, k - 1)}
    mixed = lattice(after(lambda a: log(1 + a[t - 1, k])), t, k)
    assert in_log_domain(mixed[T.size - 1, k]) == mixed[T.size - 1, k]


def test_a_read_is_told_by_where_it_is():
    body = x[t, k] * x[t - 1, k] + x[t, y[t]] + z**2
    assert {f.positions for f in patterns(body, x)} == {(t, k), (t - 1, k), (t, y[t])}
    assert patterns(body, z) == [Pattern(z, ())]
    assert slope(body, Pattern(x, (t, k)), stable) == x[t - 1, k]
    assert slope(body, Pattern(x, (t, y[t])), stable) == 1
    assert slope(body, Pattern(z, ()), stable) == 2 * z


def test_a_read_within_a_sum_is_one_at_a_free_position():
    (found,) = patterns(Sum(w[j, k] ** 2, j), w)
    (at,) = found.over
    assert found.positions == (at, k)
    assert slope(Sum(w[j, k] ** 2, j), found, stable) == 2 * w[at, k]


def test_an_index_that_a_sum_binds_is_not_the_one_outside_it():
    """Rules name what a sum binds after its axis, so that w[j, k] stands beside Σ_k w[j, k]."""
    body = x[t, k] + LogSumExp(x[t, k], k)
    own, within = patterns(body, x)
    assert own == Pattern(x, (t, k)) and within.positions[0] == t and within.over
    assert slope(body, own, stable) == 1
    assert slope(body, within, stable) == exp(x[t, within.over[0]] - LogSumExp(x[t, k], k))
    assert not slope(body, own, stable).has(Delta)
    assert apart(Sum(w[j, k], j)) == Sum(w[j, k], j)


def test_locals_are_moved_to_the_cells_own_place():
    table = Table("a", (t, k))
    stay = x[t - 1, y[t - 1]] - LogSumExp(x[t - 1, j], j)
    replaced, own = locals_of(table[t - 1, k] + stay, table)
    (local,) = own
    assert local.value == stay.xreplace({t: t + 1})
    assert replaced == table[t - 1, k] + local.table[t - 1, k]
    assert local.revealed(local.opaque) == local.value
    assert locals_of(table[t - 1, k] + x[t, k], table) == (table[t - 1, k] + x[t, k], ())


@loss
def forward_loss(x: Logit[T, K], w: Prediction[K, K].shared(), z: Prediction):
    """States with transitions."""

    @recurrence(t, k)
    def a(a):
        return Piecewise((exp(x[t, k]), Eq(t, 0)), (exp(x[t, k] + z) * Sum(a[t - 1, j] * exp(w[j, k]), j), True))

    return -log(Sum(a[T.size - 1, k], k))


def derivation():
    (variant,) = forward_loss.variants
    return LatticeDerivation("forward_loss", variant)


def test_the_adjoint_negates_the_offsets():
    found = derivation().evaluate()
    (down,) = [step for step in found.after if isinstance(step, Fill)]
    table, adjoint = found.before[-1].table, down.table
    assert down.reverse and down.add
    assert {e.positions[0] for e in down.value.atoms(type(adjoint[t, k])) if e.table == adjoint} == {t + 1}
    assert {e.positions[0] for e in down.value.atoms(type(adjoint[t, k])) if e.table == table} == {t}
    assert down.value.has(share)
    (put,) = [step for step in found.after if isinstance(step, Put)]
    assert put.positions[0] == T.size - 1 and len(put.over) == 1
    assert {step.argument.name for step in found.after if isinstance(step, Write)} == {"x", "w", "z"}


def test_steps_along_a_direction_are_each_followed_by_their_own():
    made = derivation()
    wrt = made.variant.predictions
    directions, along = made.products(wrt)
    gradient = made.evaluate()
    tables = [step.table.name for step in along.before]
    assert tables == [name for step in gradient.before for name in (step.table.name, f"{step.table.name}_along")]
    assert {d.name for d in directions.values()} == {"direction_x", "direction_w", "direction_z"}
    assert {step.argument for step in along.after if isinstance(step, Write)} == set(wrt)
    still = Tangent({}, stable)(gradient)
    assert still.before == gradient.before and still.value == 0
    assert not [step for step in still.after if isinstance(step, Write)]


def test_one_write_alone_may_be_the_first_over_all_of_an_output():
    """Two sums over the rows of one argument: the second adds to what the first has written."""

    @loss
    def two_sums_loss(x: Logit[T, K]):
        """Two reductions over the same rows."""

        @recurrence(t)
        def a(a):
            step = LogSumExp(x[t, k], k) + LogSumExp(2 * x[t, k], k)
            return Piecewise((step, Eq(t, 0)), (step + x[t - 1, 0] * a[t - 1], True))

        return a[T.size - 1]

    (variant,) = two_sums_loss.variants
    writes = [s for s in LatticeDerivation("two_sums_loss", variant).evaluate().after if isinstance(s, Write)]
    assert [w.whole for w in writes].count(True) <= 1
    assert all(set(w.positions) == set(w.over) for w in writes if w.whole)
