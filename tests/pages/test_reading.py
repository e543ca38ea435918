"""What is set for reading is what was derived: in 50-digit arithmetic, with every name replaced by what it stands for."""

from contextlib import suppress
from pathlib import Path
from random import Random

import mpmath
import pytest
from exact import exact
from mpmath import mpf
from sympy import Symbol, Tuple, exp

from lossgen.derive import Derivation
from lossgen.formula import Axis, Index, Logit, LogSumExp, SpecError
from lossgen.formula.load import load_losses
from lossgen.formula.symbols import Argument
from lossgen.pages.derived import reading_of
from lossgen.pages.named import Named
from lossgen.pages.naming import largest, letters, name_part, repeated, replaced
from lossgen.pages.notation import Notation, latex
from lossgen.pages.reading import Reading
from lossgen.pages.spelt import short_indices

LOSSES = load_losses(Path(__file__).parents[2] / "spec")
PLAIN = [(loss, v) for loss in LOSSES.values() for v in loss.pieces if not v.filled]
C = Axis("C")
x = Argument("x", Logit[C])
c, k = C.index("c"), C.index("k")

DRAWS = {
    "binary": lambda r: r.choice([0, 1]),
    "sign": lambda r: r.choice([-1, 1]),
    "label-list": lambda r: r.choice([0, 1]),
    "class-index": lambda r: r.randrange(3),
    "unit": lambda r: r.uniform(0.1, 0.9),
    "nonnegative": lambda r: r.uniform(0.2, 2),
    "positive": lambda r: r.uniform(0.2, 2),
    "above-minus-one": lambda r: r.uniform(-0.5, 2),
    "between-1-and-2": lambda r: 1.5,
}


def numbers_for(variant, random):
    """Numbers for all arguments and hyperparameters; axes have three entries."""

    def draw(role):
        return mpf(DRAWS.get(role.domain, lambda r: r.gauss(0, 1))(random))

    found = {"item": 1}
    for argument in variant.arguments:
        role = argument.role
        row = role.axis is not None and not role.chooses
        found[argument.name] = [draw(role) for _ in range(3)] if row else draw(role)
        found |= {axis.name: 3 for axis in role.axes}
    return found | {p.name: draw(p.role) for p in variant.parameters}


def unfolded(node, definitions):
    """The formula with what names stand for in their place."""
    while names := node.atoms(Named):
        for name in names:
            own, value = next((n, v) for n, v in definitions if n.args[0] == name.args[0])
            node = replaced(node, {name: value.xreplace(dict(zip(own.args[1:], name.args[1:], strict=True)))})
    return node


def same(first, second, numbers):
    at = {index: 1 for index in Tuple(first, second).free_symbols if isinstance(index, Index)}
    a, b = (exact(node, numbers, at) for node in (first, second))
    return mpmath.almosteq(a, b, rel_eps=mpf(10) ** -30, abs_eps=mpf(10) ** -30)


@pytest.mark.parametrize("loss, variant", PLAIN, ids=[f"{loss.name}-{v.label}" for loss, v in PLAIN])
def test_what_is_read_is_what_was_derived(loss, variant):
    derivation = Derivation(loss.name, variant)
    reading, numbers = reading_of(derivation), numbers_for(variant, Random(loss.name))
    results = list(derivation.gradient)
    with suppress(SpecError):
        results += derivation.hessian_diagonal
    for result in results:
        for value in filter(None, (result.generic, result.at_label)):
            value = short_indices(value)
            read = reading(value)
            assert same(value, unfolded(read, list(reading.definitions(read))), numbers), (value, read)


def test_named_parts_of_a_long_formula_stand_for_what_they_replace():
    variant = LOSSES["softcapped_cross_entropy"].pieces[0]
    derivation = Derivation("", variant)
    whole = short_indices(derivation.hessian_diagonal[0].generic)
    p, pool, found, formula = Notation(), letters(whole), [], whole
    for choose in (repeated, repeated, largest, largest):
        part = choose(formula, p)
        formula, name = name_part(formula, part, next(pool))
        found.append((name, part))
    assert formula != whole and len({n for n, _ in found}) == 4
    assert same(whole, unfolded(formula, found), numbers_for(variant, Random(1)))


def test_softmax_is_p_with_a_definition():
    reading = Reading()
    read = reading(exp(x[k] - LogSumExp(x[c], c)) * x[k])
    assert latex(read) == r"\mathit{x}_{k} \, p_{k}".replace(r"\mathit{x}", "x")
    ((name, value),) = reading.definitions(read)
    assert latex(name) == "p_{c}" and latex(value) == r"\frac{e^{x_{c}}}{\sum_{j} e^{x_{j}}}"


def test_squares_of_a_softmax_and_its_logarithm():
    total = LogSumExp(x[c], c)
    read = Reading()
    assert latex(read(exp(2 * x[k] - 2 * total))) == "p_{k}^{2}"
    assert latex(read(total - x[k])) == r"-\log p_{k}"
    assert latex(read(exp(2 * x[k] - total))) == r"e^{x_{k}} \, p_{k}"


def test_a_name_that_the_formula_has_is_not_taken_for_softmax():
    p = Symbol("p", real=True)
    reading = Reading(taken=frozenset({"p"}))
    assert latex(reading(p * exp(x[k] - LogSumExp(x[c], c)))) == r"p \, q_{k}"


def test_the_name_of_a_log_sum_exp_stands_for_itself():
    total = LogSumExp(x[c], c)
    reading = Reading({total: "log_partition"})
    read = reading(total**2 + exp(x[k] - total))
    values = {latex(name): latex(value) for name, value in reading.definitions(read)}
    assert values[r"\mathit{log\_partition}"] == r"\operatorname{LSE}_{c} x_{c}"
    assert values["p_{c}"].startswith(r"\frac{")
