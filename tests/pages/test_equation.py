"""Formulas on lines: nothing is wider than the page, in MathML too, and brackets pair."""

from pathlib import Path
from random import Random

import pytest
from latex2mathml.converter import convert
from sympy import Abs, Max, Piecewise, Rational, exp, log

from lossgen.formula import Axis, Logit, Prediction, Sum, sigmoid
from lossgen.formula.load import load_losses
from lossgen.formula.roles import Positive
from lossgen.formula.symbols import Argument, Hyperparameter
from lossgen.pages.blocks import Display
from lossgen.pages.derived import definition, gradient, steps
from lossgen.pages.equation import WIDTH, equation
from lossgen.pages.notation import latex
from lossgen.pages.widths import width_of

LOSSES = load_losses(Path(__file__).parents[2] / "spec")
C = Axis("C")
c, k = C.index("c"), C.index("k")
row = Argument("a_rather_long_name", Logit[C])
leaves = [Argument(name, Prediction) for name in ("input", "x", "another_long_name")]
gamma = Hyperparameter("gamma", Positive)


def grown(random, depth):
    """A formula that nobody has thought of."""
    if depth == 0:
        return random.choice([*leaves, row[k], gamma, Rational(2, 3)])
    a, b = grown(random, depth - 1), grown(random, depth - 1)
    return random.choice(
        [
            lambda: a + b,
            lambda: a - 2 * b,
            lambda: a * b,
            lambda: a / (1 + b**2),
            lambda: exp(a - b),
            lambda: log(1 + exp(a)) * b,
            lambda: sigmoid(a + b),
            lambda: Max(0, a, b),
            lambda: Abs(a - b) ** gamma,
            lambda: Piecewise((a, leaves[0] > b), (b, True)),
            lambda: Sum(a * row[c] + b, c),
        ]
    )()


@pytest.mark.parametrize("seed", range(30))
def test_any_formula_fits(seed):
    random = Random(seed)
    formula = sum(grown(random, 3) for _ in range(4))
    lines = equation(r"\frac{\partial \ell}{\partial x}", formula).lines
    assert (
        max(width_of(line.replace("&=", "=", 1).replace("&", "", 1)) for line in lines if "cases" not in line) < WIDTH
    )
    assert all(line.count("{") == line.count("}") for line in lines)


@pytest.mark.parametrize(
    "name", ["ctc_loss", "focal_loss", "multi_margin_loss", "softcapped_cross_entropy", "vae_loss"]
)
def test_formulas_are_of_the_part_that_mathml_has(name):
    for say in (definition, gradient, steps):
        for line in (line for b in say(LOSSES[name]).blocks if isinstance(b, Display) for line in b.lines):
            head, _, tail = line.partition("&")
            for part in filter(str.strip, (head, tail)):
                assert "merror" not in convert(part)
            outside = line.replace(r"\left", "").replace(r"\right", "")
            assert r"\left" not in outside


@pytest.mark.parametrize(
    "formula, text",
    [
        (-gamma * (1 - leaves[1]) ** gamma * log(leaves[1]), r"-\gamma \, (1 - x)^{\gamma} \, \log x"),
        (exp(-leaves[1] / gamma), r"e^{-x/\gamma}"),
        (Sum(row[c] - leaves[1], c) ** 2, r"\left(\sum_{c} (\mathit{a\_rather\_long\_name}_{c} - x)\right)^{2}"),
        (Max(leaves[1], 0), r"\max(0, x)"),
        (2 * Piecewise((leaves[1], leaves[1] > 1), (0, True)), r"2[x > 1] \, x"),
        (sigmoid(leaves[1]) / 2, r"\frac{\sigma(x)}{2}"),
    ],
)
def test_formulas_as_a_textbook_sets_them(formula, text):
    assert latex(formula) == text


def test_a_repeated_part_of_a_long_formula_has_a_name():
    part = exp(-Abs(leaves[0] - leaves[2]) / (1 + leaves[1] ** 2))
    lines = equation("y", sum((n + row[k]) ** n * part**n / (part + n) for n in range(2, 7))).lines
    assert lines[0].startswith("y &=") and any(line.startswith("u &=") for line in lines[1:])
