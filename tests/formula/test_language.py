"""The formula language: roles, what is refused and in which words, variants, composition, and loading a project."""

import pytest
from exact import exact
from sympy import Derivative, Function, I, Symbol, gamma, nan, oo, pretty

from lossgen.derive import Derivation
from lossgen.formula import (
    Axis,
    Binary,
    ClassIndex,
    ClassWeight,
    Fraction,
    Logit,
    NonNegative,
    Parameter,
    Piecewise,
    Positive,
    Prediction,
    Real,
    Sign,
    Simplex,
    SpecError,
    Sum,
    Weight,
    exp,
    log,
    loss,
    sigmoid,
    softmax,
    sqrt,
)
from lossgen.formula.nodes import Entry
from lossgen.formula.symbols import Argument

C, D = Axis("C"), Axis("D", place="features")
c, d = C.index(), D.index()


def with_body(body):
    """A loss that returns what the function makes of a prediction, a row, a target, a class and a hyperparameter."""

    @loss
    def made_up(x: Prediction, row: Logit[C], t: Real, y: ClassIndex[C], w: ClassWeight[C] = 1, a: Parameter = 2):
        """A loss."""
        return body(x=x, row=row, t=t, y=y, w=w, a=a)

    return made_up


REFUSED = {
    "a free symbol": (
        lambda x, **_: x + Symbol("q"),
        r"free symbol q; expected one of the arguments a, row, t, w, x, y",
    ),
    "an unbound index": (lambda row, **_: row[c], r"index c is not bound; sum over it, as in Sum\(…, c\)"),
    "an undefined function": (lambda x, **_: Function("f")(x), r"unknown function f"),
    "a function without a kernel": (
        lambda x, **_: gamma(x),
        r"function gamma in gamma\(x\) is not supported; known are Abs, ",
    ),
    "a derivative": (lambda x, **_: Derivative(sigmoid(x), x), "Derivative in .* is not supported"),
    "a complex number": (lambda x, **_: x + I, "I is not a finite real number"),
    "an infinite number": (lambda x, **_: x + oo * x**2, "oo is not a finite real number"),
    "no number": (lambda x, **_: x + sigmoid(nan), "nan is not a finite real number"),
    "the root of −1": (lambda x, **_: x + sqrt(-1.0), "I is not a finite real number"),
    "a row without an index": (
        lambda x, row, **_: x * row,
        r"row is a row over axis C; read an entry of it, as in row\[c\]",
    ),
    "class weights without an index": (
        lambda x, w, **_: x * w,
        r"w is a row over axis C; read an entry of it, as in w\[c\]",
    ),
    "an index of another axis": (
        lambda row, **_: Sum(row[d], d),
        r"row\[d\]: expected an index over axis C, a ClassIndex\[C\]",
    ),
    "an index of a number": (
        lambda x, **_: x[c],
        r"x\[c\]: x is one number per item and has no axis; annotate it as Prediction\[C\]",
    ),
    "nothing": (lambda **_: None, "the formula returns nothing; end it with `return <expression>`"),
    "a string": (lambda **_: "x", "the formula returns str, expected a SymPy expression"),
    "a list": (lambda x, **_: [x], "the formula returns list, expected a SymPy expression"),
    "a truth value": (lambda x, t, **_: x > t, "the formula returns StrictGreaterThan, expected a SymPy expression"),
    "a case without a value": (
        lambda x, t, **_: Piecewise((x, x > t)),
        r"has no value where none of its conditions holds; .*\(…, True\)",
    ),
    "what Python refuses": (lambda x, **_: x + {}, r"test_language.py:\d+: TypeError: "),
}


@pytest.mark.parametrize("body, message", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_names_the_loss_in_one_line(body, message):
    with pytest.raises(SpecError, match=message) as caught:
        _ = with_body(body).variants
    assert str(caught.value).startswith("made_up: ")
    assert "\n" not in str(caught.value)


def test_a_case_for_everything_needs_no_default():
    assert with_body(lambda x, t, **_: Piecewise((x, x > t), (t, x <= t))).variants


def declared(**annotations):
    """A declaration with these annotations; a pair is an annotation and a default."""
    names = {
        n: f"given[{n!r}]" + (f"[0] = given[{n!r}][1]" if isinstance(r, tuple) else "") for n, r in annotations.items()
    }
    code = f"def made_up({', '.join(f'{n}: {r}' for n, r in names.items())}):\n    return 0"
    scope = {"given": annotations}
    exec(code, scope)
    return loss(scope["made_up"])


ROLES = {
    "no role": ({"x": Prediction, "t": int}, "argument t has no role; annotate it, as in t: Prediction"),
    "no default": ({"x": Prediction, "a": Parameter}, "hyperparameter a needs a default, as in a: Parameter = 1"),
    "no prediction": ({"t": Real}, "no argument is a prediction"),
    "a class index without an axis": (
        {"x": Logit[C], "y": ClassIndex},
        r"ClassIndex needs its axis, as in y: ClassIndex\[C\]",
    ),
    "a word for a default": (
        {"x": Prediction, "a": (Parameter, "one")},
        "the default of a is 'one', expected a finite number",
    ),
    "None for a hyperparameter": (
        {"x": Prediction, "a": (Parameter, None)},
        "the default of a is None, expected a finite number",
    ),
    "an infinite default": (
        {"x": Prediction, "w": (Weight, float("inf"))},
        "the default of w is inf, expected a finite number",
    ),
    "a negative width": (
        {"x": Prediction, "a": (Positive, -1)},
        "the default of a is -1, expected a hyperparameter above 0",
    ),
    "a fraction of 3": (
        {"x": Prediction, "a": (Fraction, 3)},
        r"the default of a is 3, expected a hyperparameter in \[0, 1\]",
    ),
}


@pytest.mark.parametrize("annotations, message", ROLES.values(), ids=ROLES)
def test_a_wrong_role_is_an_error_of_the_declaration(annotations, message):
    with pytest.raises(SpecError, match=message) as caught:
        declared(**annotations)
    assert str(caught.value).startswith("made_up: ")


def test_other_errors_of_a_declaration():
    with pytest.raises(SpecError, match="reduction='average': expected one of 'mean', 'sum', 'none'"):
        loss(reduction="average")(lambda x: x)
    with pytest.raises(SpecError, match=r"Parameter\[C\]: a parameter is one number; use ClassWeight\[C\]"):
        _ = Parameter[C]
    with pytest.raises(SpecError, match=r"Logit\['C'\]: expected an Axis"):
        _ = Logit["C"]
    for name in ("my axis", "lambda", "1", ""):
        with pytest.raises(SpecError, match="expected a name that Python allows"):
            Axis(name)
    with pytest.raises(SpecError, match="expected one of class, features"):
        Axis("C", place="time")

    @loss(normalizer=lambda weigth: weigth)
    def misspelt(x: Prediction, weight: Weight = 1):
        return weight * x

    with pytest.raises(SpecError, match="misspelt: the normalizer asks for weigth, which is not an argument"):
        _ = misspelt.variants


def test_roles_say_where_numbers_lie():
    (variant,) = with_body(lambda x, row, w, y, t, a: a * (x - t) ** 2 + w[y] * row[y]).variants
    assert {a.name: (a.role.layout, a.role.kind) for a in variant.arguments} == {
        "x": ("item", "prediction"),
        "row": ("row", "prediction"),
        "t": ("item", "target"),
        "y": ("item", "label"),
        "w": ("shared", "weight"),
    }
    assert [a.name for a in variant.predictions] == ["x", "row"]
    assert [a.name for a in variant.differentiable] == ["x", "row", "t", "w"]
    assert [a.name for a in variant.labels] == ["y"]


def test_a_choice_of_roles_gives_a_variant_each():
    @loss
    def either(input: Logit[C], target: ClassIndex[C] | Simplex[C]):
        """A loss."""
        return -Sum(target[c] * log(softmax(input, c)), c)

    assert [v.label for v in either.variants] == ["indices", "probabilities"]
    row = {"input": [1.0, -2.0, 0.5], "C": 3}
    one_hot = exact(either.variants[1].expression, {**row, "target": [0, 1, 0]})
    assert exact(either.variants[0].expression, {**row, "target": 1}) == one_hot


def test_an_authors_names_are_kept():
    @loss
    def named(x: Prediction, t: Real, a: Parameter = 1):
        """A loss."""
        error = x - t
        same, number = x, 3
        p = sigmoid(error)
        return a * number * p * same

    (variant,) = named.variants
    x, t = variant.arguments
    assert variant.names == {"error": x - t, "p": sigmoid(x - t)}


def test_a_loss_within_another_takes_its_own_defaults():
    @loss
    def inner(row: Logit[C], t: Real[C], w: ClassWeight[C] = 1, k: Positive = 3):
        """A loss."""
        return k * Sum(w[c] * (row[c] - t[c]) ** 2, c)

    @loss
    def outer(row: Logit[C], t: Real[C], u: ClassWeight[C] = 1, b: NonNegative = 1):
        """A loss."""
        return inner(row, t) + b * inner(row, 0, w=u, k=5)

    numbers = {"row": [1, 2], "t": [3, 5], "u": [10, 100], "b": 7, "C": 2}
    assert exact(outer.variants[0].expression, numbers) == 3 * (4 + 9) + 7 * 5 * (10 * 1 + 100 * 4)


def test_float_exponents_are_exact_powers():
    (variant,) = with_body(lambda x, t, **_: (x - t) ** 2.0 + (x**2 + 1) ** 0.5 + (x**2 + 1) ** 0.3).variants
    x, t, *_ = (a for a in variant.arguments if a.name in "xt")
    assert variant.expression.has((x - t) ** 2) and variant.expression.has(sqrt(x**2 + 1))
    assert exact(variant.expression, {"x": -1, "t": 2}) == pytest.approx(9 + 2**0.5 + 2**0.3)


def test_sums_within_sums_keep_their_indices_apart():
    """Σ_i Σ_j (x_i − x_j)²: renaming one index must not catch the other."""
    i, j = C.index("i"), C.index("j")
    (variant,) = with_body(lambda row, **_: Sum(Sum((row[i] - row[j]) ** 2, j), i)).variants
    numbers = {"row": [1, 2, 4], "C": 3}
    assert exact(variant.expression, numbers) == 2 * (1 + 9 + 4)
    assert exact(Derivation("pairs", variant).value, numbers) == 2 * (1 + 9 + 4)
    row = next(a for a in variant.arguments if a.name == "row")
    inner = Sum(Entry(row, i) * Entry(row, j), j)
    moved = inner.xreplace({i: j})
    assert exact(moved, numbers, {j: 2}) == 4 * (1 + 2 + 4)
    assert inner.xreplace({j: i}) == inner


def test_a_power_of_a_sum_is_shown_in_parentheses():
    row = Argument("row", Logit[C])
    top, line = pretty(Sum(row[c], c) ** 2).splitlines()
    assert (top.strip(), line.strip()) == ("2", "(∑_c (row[c]))")
    assert pretty(row[c] * Sum(row[c], c)) == "row[c]⋅∑_c (row[c])"


def test_more_than_one_class_index_is_refused_when_derived():
    @loss
    def two_labels(row: Logit[C], y: ClassIndex[C], z: ClassIndex[C]):
        """A loss."""
        return row[y] - row[z]

    with pytest.raises(SpecError, match="two_labels: arguments y, z: at most one class index per loss"):
        Derivation("two_labels", two_labels.variants[0])


def test_binary_rows_and_composition_of_entries():
    @loss
    def bits(row: Logit[C], t: Binary[C]):
        """A loss."""
        return Sum(log(1 + exp(row[c] - t[c])), c)

    assert exact(bits.variants[0].expression, {"row": [0, 1], "t": [0, 1], "C": 2}) == 2 * exact(log(2), {})


@pytest.mark.parametrize("place", ["class", "features", "first", "last"])
def test_the_places_of_an_axis(place):
    assert Axis("D", place).place == place
    with pytest.raises(SpecError, match=r"Axis\('D', place='middle'\): expected one of class, features, first, last"):
        Axis("D", "middle")


def test_a_default_sign_is_minus_one_or_one():
    def ranking(x: Prediction, y: Sign = 0):
        """A loss."""
        return y * x

    with pytest.raises(SpecError, match="ranking: the default of y is 0, expected a label, -1 or 1"):
        loss(ranking)
