"""The language of recurrences: what is wrong is one line that names the loss, the cell and what is expected."""

import pytest

from lossgen.formula import (
    And,
    Axis,
    ClassIndex,
    ClassNumber,
    ClassWeight,
    Each,
    Eq,
    Length,
    Logit,
    Parameter,
    Piecewise,
    Positive,
    Prediction,
    SpecError,
    Sum,
    exp,
    item,
    log,
    loss,
    recurrence,
)
from lossgen.kernel import render_module

T, S, C, K = Axis("T", place="last"), Axis("S", place="last"), Axis("C", place="last"), Axis("K", place="last")
t, s, j, c, k = T.index(), S.index(), S.index("j"), C.index(), K.index()


def end(a, **_):
    return -log(a[T.size - 1, S.size - 1])


def made(cell, formula=end, indices=(t, s), **options):
    """A loss with a recurrence of this cell; after the first frame, unless the function says otherwise."""

    @loss
    def made_up(
        x: Logit[T, S], y: ClassIndex[S].along(T), w: Prediction[S, S].shared(), n: Length[T] = -1, g: Positive = 1
    ):
        """A loss."""
        given = {"x": x, "y": y, "w": w, "n": n, "g": g}

        @recurrence(*indices, **options)
        def a(a):
            return cell(a=a, **given)

        return formula(a=a, **given)

    return made_up


def after_the_first(step):
    """A cell that is a value at t = 0, and this step later."""
    return lambda x, **given: Piecewise((exp(x[t, s]), Eq(t, 0)), (step(x=x, **given), True))


READS = {
    "a later column": (lambda a, **_: a[t, s + 1], r"a\[t, s \+ 1\]: offset 1 of s \+ 1: this cell is filled later"),
    "a later row": (lambda a, **_: a[t + 1, s], r"a\[t \+ 1, s\]: offset 1 of t \+ 1: this cell is filled later"),
    "itself": (lambda a, **_: a[t, s], r"a\[t, s\]: offset 0: a cell is read to fill itself"),
    "a row that is not filled": (lambda a, **_: Sum(a[t, j], j), r"a\[t, j\]: the cell is not filled yet at every j"),
    "one position": (lambda a, **_: a[t - 1], r"a\[t - 1\]: 1 position, expected 2: T, S"),
    "three positions": (lambda a, **_: a[t - 1, s, s], r"a\[t - 1, s, s\]: 3 positions, expected 2: T, S"),
    "half a step": (lambda a, **_: a[t - 0.5, s], r"a\[t - 0.5, s\]: t - 0.5 is no whole number"),
    "a real number": (lambda a, g, **_: a[t - 1, g], r"a\[t - 1, g\]: g is no whole number"),
    "an entry": (lambda a, x, **_: a[t - 1, x[t, s]], r"a\[t - 1, x\[t, s\]\]: x\[t, s\] is no whole number"),
    "an offset that moves": (
        lambda a, **_: a[2 * t, s],
        r"a\[2\*t, s\]: 2\*t lies at no fixed offset from t; expected t with",
    ),
    "another that moves": (lambda a, **_: a[t - 1, 2 * s], r"a\[t - 1, 2\*s\]: 2\*s lies at no fixed offset from s"),
    "half of an index": (lambda a, **_: a[t - 1, s / 2], r"a\[t - 1, s/2\]: s/2 lies at no fixed offset from s"),
    "a label": (lambda a, y, **_: a[t - 1, y[t]], r"a\[t - 1, y\[t\]\]: y\[t\] lies at no fixed offset from s"),
    "a fixed cell": (lambda a, **_: a[t - 1, 0], r"a\[t - 1, 0\]: 0 lies at no fixed offset from s"),
    "a shifted sum": (
        lambda a, **_: Sum(a[t - 1, j - 1], j),
        r"a\[t - 1, j - 1\]: j - 1 lies at no fixed offset from s",
    ),
    "a sum over another axis": (
        lambda a, **_: Sum(a[t - 1, k], k),
        r"a\[t - 1, k\]: k runs over K, expected an index over S",
    ),
    "the other index": (lambda a, **_: a[t - 1, t], r"a\[t - 1, t\]: t lies at no fixed offset from s"),
    "an index that is not bound": (lambda a, **_: a[t - 1, j], r"index j is not bound; sum over it"),
    "an entry at one position": (lambda a, x, **_: x[t] * a[t - 1, s], r"x\[t\]: 1 position, expected 2: T, S"),
    "an entry at three": (lambda a, x, **_: x[t, s, s] * a[t - 1, s], r"x\[t, s, s\]: 3 positions, expected 2: T, S"),
    "an entry nowhere": (
        lambda a, x, g, **_: x[t, g] * a[t - 1, s],
        r"x\[t, g\]: g is no whole number; expected an index",
    ),
    "axes the wrong way": (
        lambda a, x, **_: x[s, t] * a[t - 1, s],
        r"x\[s, t\]: s runs over S, expected an index over T",
    ),
    "a label at two": (lambda a, w, y, **_: w[y[t, s], s] * a[t - 1, s], r"y\[t, s\]: 2 positions, expected 1: T"),
    "labels as a position": (lambda a, w, y, **_: w[y, s] * a[t - 1, s], r"y has the axes T; read an entry of it"),
    "a whole grid": (lambda a, x, **_: exp(x) * a[t - 1, s], r"x has the axes T, S; read an entry of it"),
}


@pytest.mark.parametrize("step, message", READS.values(), ids=READS)
def test_a_read_that_cannot_be(step, message):
    refused(made(after_the_first(step)), message)


def refused(a_loss, message):
    with pytest.raises(SpecError, match=message) as caught:
        render_module(a_loss, a_loss.variants[0], "float64", "made_up.py")
    assert str(caught.value).startswith("made_up: ") and "\n" not in str(caught.value)


START = r"a\[0, 0\]: no initial cell: it reads a\[t - 1, s\], .* Piecewise\(\(…, And\(Eq\(t, 0\), Eq\(s, 0\)\)\), \(…, True\)\)"
CELLS = {
    "none to begin with": (lambda a, **_: exp(s) * a[t - 1, s], START),
    "one that begins late": (lambda a, **_: Piecewise((1, Eq(t, 1)), (a[t - 1, s], True)), START),
    "a word": (lambda **_: "a", "a: the recurrence returns str, expected an expression, as for one cell"),
    "nothing": (lambda **_: None, "a: the recurrence returns NoneType, expected an expression"),
    "a condition": (lambda **_: Eq(t, 0), "a: the recurrence returns Equality, expected an expression"),
    "the cells": (lambda a, **_: a, "a: the recurrence returns its cells, expected an expression"),
}


@pytest.mark.parametrize("cell, message", CELLS.values(), ids=CELLS)
def test_a_cell_that_cannot_be(cell, message):
    refused(made(cell), message)


FORMULAS = {
    "one position": (lambda a, **_: a[T.size - 1], r"a\[T - 1\]: 1 position, expected 2: T, S"),
    "the recurrence": (
        lambda a, **_: a,
        r"the formula returns the recurrence a; read a cell of it, as in a\[T.size - 1\]",
    ),
    "an index that is not bound": (lambda a, **_: a[T.size - 1, s], "index s is not bound; sum over it"),
    "the item's number": (lambda a, **_: a[T.size - 1, 0] * item, "item, the number of an item, has no meaning beside"),
    "no recurrence": (lambda g, **_: g, r"argument x: Logit\[T, S\] takes a recurrence, and the formula has none"),
}


@pytest.mark.parametrize("formula, message", FORMULAS.values(), ids=FORMULAS)
def test_a_formula_that_cannot_be(formula, message):
    refused(made(after_the_first(lambda a, **_: a[t - 1, s]), formula), message)


def test_a_recurrence_does_not_read_another():
    def formula(a, **_):
        @recurrence(t, s)
        def b(b):
            return Piecewise((1, Eq(t, 0)), (a[t, s] * b[t - 1, s], True))

        return -log(b[T.size - 1, S.size - 1])

    refused(
        made(after_the_first(lambda a, **_: a[t - 1, s]), formula),
        "b: a recurrence that reads another one is not supported",
    )


@pytest.mark.parametrize(
    "indices, message",
    [
        ((), r"recurrence\(\): expected indices, as in t = T.index\(\)"),
        ((T, S), r"recurrence\(T, S\): expected indices, as in t = T.index\(\)"),
        ((t, t), r"recurrence\(t, t\): the same index twice, expected one for each position of a cell"),
    ],
)
def test_indices_that_cannot_be(indices, message):
    with pytest.raises(SpecError, match=message):
        recurrence(*indices)


@pytest.mark.parametrize("outside", ["z", t, 1j])
def test_what_is_outside_is_a_number(outside):
    with pytest.raises(SpecError, match=r"recurrence\(t, s\): outside is .*, expected a number, or oo"):
        recurrence(t, s, outside=outside)


ROLES = {
    "along nothing": (lambda: ClassIndex.along(T), r"ClassIndex.along\(T\): expected class indices and an axis, as in"),
    "along a name": (
        lambda: ClassIndex[C].along("T"),
        r"ClassIndex\[C\].along\('T'\): expected class indices and an axis",
    ),
    "scores along": (lambda: Logit[C].along(T), r"Logit\[C\].along\(T\): expected class indices and an axis"),
    "along twice": (
        lambda: ClassIndex[C].along(T).along(S),
        r"ClassIndex\[C\].along\(T\).along\(S\): expected class indices",
    ),
    "one label other than": (
        lambda: ClassIndex[C].other_than("blank"),
        r"ClassIndex\[C\].other_than\('blank'\): expected a sequence of class indices, as in ClassIndex\[C\].along\(L\)",
    ),
    "scores other than": (
        lambda: Logit[C].other_than("blank"),
        r"Logit\[C\].other_than\('blank'\): expected a sequence",
    ),
    "a shared number": (
        lambda: Prediction.shared(),
        r"Prediction.shared\(\): expected a prediction or a target with axes",
    ),
    "a shared length": (
        lambda: Length[T].shared(),
        r"Length\[T\].shared\(\): expected a prediction or a target with axes",
    ),
    "shared labels": (
        lambda: ClassIndex[C].along(T).shared(),
        r"along\(T\).shared\(\): expected a prediction or a target",
    ),
    "a shared weight": (
        lambda: ClassWeight[C].shared(),
        r"ClassWeight\[C\].shared\(\): expected a prediction or a target",
    ),
    "a shared parameter": (lambda: Parameter.shared(), r"Parameter.shared\(\): expected a prediction or a target"),
    "labels over two axes": (
        lambda: ClassIndex[C, K],
        r"ClassIndex\[C, K\]: expected one axis; predictions and targets alone",
    ),
    "a length of two axes": (lambda: Length[C, K], r"Length\[C, K\]: expected one axis"),
    "a number of two axes": (lambda: ClassNumber[C, K], r"ClassNumber\[C, K\]: expected one axis"),
    "a weight of two axes": (lambda: ClassWeight[C, K], r"ClassWeight\[C, K\]: expected one axis"),
    "each of nothing": (lambda: Each(1), r"Each\(1\): expected an index, as in c = C.index\(\)"),
    "each of an axis": (lambda: Each(1, C), r"Each\(1, C\): expected an index"),
    "each with another index": (
        lambda: Each(c + C.index("q"), c),
        r"Each\(c \+ q, c\): index q is not bound; sum over it",
    ),
    "each at one position": (lambda: Each(t + c, t, c)[t], r"Each\(c \+ t, t, c\)\[t\]: 1 position, expected 2: T, C"),
    "each the wrong way": (lambda: Each(t + c, t, c)[c, t], r"\[c, t\]: c runs over C, expected an index over T"),
}


@pytest.mark.parametrize("role, message", ROLES.values(), ids=ROLES)
def test_a_role_that_cannot_be(role, message):
    with pytest.raises(SpecError, match=message):
        role()


def test_a_label_for_each_item_is_no_sequence():
    @loss
    def made_up(x: Logit[T, S], y: ClassIndex[S]):
        """A loss."""

        @recurrence(t)
        def a(a):
            return Piecewise((0, Eq(t, 0)), (a[t - 1] + x[t, y], True))

        return a[T.size - 1]

    with pytest.raises(
        SpecError, match=r"made_up: argument y: ClassIndex\[S\] is no label that a loss with a recurrence can"
    ):
        _ = made_up.variants


@pytest.mark.parametrize(
    "number, of, what",
    [
        ("empty", ClassNumber[S], "empty"),
        ("blank", Positive, "blank"),
        ("blank", ClassNumber[C], "blank"),
        ("x", ClassNumber[S], "x"),
    ],
    ids=["of no hyperparameter", "of a number", "of another axis", "of an argument"],
)
def test_labels_other_than_what_is_no_class(number, of, what):
    def made_up(x: Logit[T, S], y: ClassIndex[S].along(T).other_than(number), blank: of = 1):
        """A loss."""

    words = (
        rf"made_up: argument y: ClassIndex\[S\].along\(T\).other_than\('{what}'\): {what} is no number of a class of S"
    )
    with pytest.raises(SpecError, match=words):
        loss(made_up)


def test_what_is_right():
    """A sum with the recurrence's own index; positions that are shifted, mirrored or halved afterwards; one cell alone."""

    def forgets(a, **_):
        return Sum(a[t - 1, s], s)

    for formula in (
        end,
        lambda a, **_: Sum(Sum(a[t - 1, s], s), t),
        lambda a, **_: Sum(a[T.size - 1 - t, S.size / 2], t),
        lambda a, y, **_: Sum(a[t, y[t]], t),
    ):
        a_loss = made(after_the_first(forgets), formula)
        assert render_module(a_loss, a_loss.variants[0], "float64", "made_up.py")
    alone = made(lambda x, **_: Piecewise((exp(x[t, s]), And(Eq(t, 0), Eq(s, 0))), (1, True)))
    assert render_module(alone, alone.variants[0], "float64", "made_up.py")


def test_each_of_several_indices():
    doubled = Each(2 * t + c, t, c)
    assert doubled[t - 1, c] == 2 * t - 2 + c
    assert doubled[0, 3] == 3


def test_indices_over_axes_of_one_name_are_not_the_same():
    """SymPy keeps expressions by what is in them: t + 1 of one loss must not come back as that of another."""
    first, last = (Axis("T", place=place).index() for place in ("first", "last"))
    assert first != last and first + 1 != last + 1
    assert (last - 1).atoms(type(last)).pop().axis.place == "last"
