"""What pages say of limits: right where something is said, nothing where the formula is not so simple."""

from pathlib import Path

import pytest
from mpmath import exp, log, mpf, sin, sqrt
from sympy import Function, Symbol, lambdify

import lossgen
from lossgen.formula.load import load_losses
from lossgen.pages.asymptotics import far_out, near
from lossgen.pages.blocks import Formula, Table
from lossgen.pages.limits import limits

SPEC = Path(lossgen.__file__).parent.parent / "spec"


@pytest.mark.parametrize(
    "function, sign, expected",
    [
        (lambda x: log(1 + exp(x)), 1, r"\ell \sim x"),
        (lambda x: log(1 + exp(x)), -1, r"\ell \to 0"),
        (lambda x: -x / 4, -1, r"\ell \sim 0.25 \, \left|x\right|"),
        (lambda x: (x - 3) ** 2 / 2, -1, r"\ell \sim 0.5 \, x^2"),
        (lambda x: sqrt(x * x + mpf(1) / 100), 1, r"\ell \sim x"),
        (lambda x: exp(2 * x) - x, 1, r"\ell \text{ grows exponentially}"),
        (lambda x: log(1 + x * x) / 2, -1, r"\ell \sim \log \left|x\right|"),
        (lambda x: 2 - exp(-x), 1, r"\ell \to 2"),
        (lambda x: 1 + mpf(10) ** -12 + 0 * x, 1, r"\ell \approx 1"),
        (lambda x: sqrt(x), 1, ""),
        (lambda x: x * log(x), 1, ""),
        (lambda x: sin(x), 1, ""),
        (lambda x: 1 / x, 1, ""),
        (lambda x: x / 0, 1, ""),
        (lambda x: log(-x), 1, ""),
        (lambdify(Symbol("x"), Function("unknown")(Symbol("x")), "mpmath"), 1, ""),
    ],
)
def test_a_function_far_out(function, sign, expected):
    assert far_out([function, function], sign, "x") == expected


def test_what_is_said_holds_for_all_functions():
    assert far_out([lambda x: x, lambda x: 2 * x], 1, "x") == r"\ell \text{ grows in proportion to } x"
    assert far_out([lambda x: x, lambda x: -x], 1, "x") == ""
    assert far_out([lambda x: x, lambda x: x * x], 1, "x") == ""
    assert far_out([lambda x: mpf(0), lambda x: mpf(1)], 1, "x") == ""


def test_near_an_edge():
    assert near([lambda p: -log(p)], 0, 1) == r"\ell \to \infty"
    assert near([lambda p: 1 / p], 0, 1) == r"\ell \to \infty"
    assert near([lambda p: max(log(p), -100)], 0, 1) == r"\ell \to -100"
    assert near([lambda p: p * log(p)], 0, 1) == r"\ell \to 0"
    assert near([log], 0, 1) == "" and near([lambda p: -log(p), lambda p: mpf(0)], 0, 1) == ""


@pytest.fixture(scope="module")
def losses():
    return load_losses(SPEC)


def said(loss) -> list[str]:
    tables = [block for block in limits(loss).blocks if isinstance(block, Table)]
    cells = [
        [run.latex if isinstance(run, Formula) else run.text for cell in row for run in cell]
        for t in tables
        for row in t.rows
    ]
    return [" | ".join(cell) for cell in cells]


def test_the_limits_of_some_losses(losses):
    x, y = r"\mathit{input}", r"\mathit{target}"
    assert said(losses["sigmoid_focal_loss"]) == [
        rf"{x} \to \infty | {y} = 0 | \ell \sim 0.75 \, {x}",
        rf"{x} \to -\infty | {y} = 0 | \ell \to 0",
        rf"{x} \to \infty | {y} = 1 | \ell \to 0",
        rf"{x} \to -\infty | {y} = 1 | \ell \sim 0.25 \, \left|{x}\right|",
    ]
    assert rf"{x} \to 0 | {y} = 1 | \ell \to 100" in said(losses["binary_cross_entropy"])
    assert said(losses["mse_loss"])[-1] == rf"{x} = {y} | \ell = 0"
    assert rf"{x}_{{{y}}} \to -\infty | the right class | \ell \sim \left|{x}_{{{y}}}\right|" in said(
        losses["cross_entropy"]
    )


def test_nothing_is_said_that_depends_on_the_sign_of_a_target_or_on_the_number_of_classes(losses):
    assert said(losses["soft_margin_loss"]) == []
    proportional = [line.split(" | ")[2] for line in said(losses["multi_margin_loss"])]
    assert len(proportional) == 3 and all(r"\sim" not in line for line in proportional)
    assert any("> 0 |" in line for line in said(losses["poisson_nll_loss"]))
    entry = r"\mathit{input}_{\mathit{target}}"
    assert said(losses["nll_loss"]) == [rf"{entry} \to -\infty | the right class | \ell \sim \left|{entry}\right|"]


def test_what_follows_from_the_roles(losses):
    def items(name):
        return ["".join(run.text for run in item[0].runs) for item in limits(losses[name]).blocks[-1].items]

    assert any("outside its domain" in line and "input or target" in line for line in items("binary_cross_entropy"))
    assert "A NaN in target is an error that names the first one." in items("mse_loss")
    assert any("beyond an item's lengths" in line for line in items("crf_loss"))
    assert "The sum over no items is 0." in items("l2_loss") and any("NaN" in line for line in items("mse_loss"))
