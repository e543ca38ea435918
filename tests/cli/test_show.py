"""`lossgen show`: what a page says, in a terminal."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from sympy import Symbol, sympify

import lossgen
from lossgen.cli.group import lossgen as command

#: The code of a coloured foreground.
COLOUR = r"\x1b\[(?:\d+;)*[39]\d[;m]"
ROOT = Path(lossgen.__file__).parents[1]


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def show(*arguments):
    return CliRunner().invoke(command, ["show", *arguments])


def test_what_a_page_says_and_no_more_than_was_asked_for():
    output = show("sigmoid_focal_loss").output
    assert output.startswith("sigmoid_focal_loss    classification\n")
    for words in ("Lin et al. 2017", "Strength: attention", "ℓ = ", "gamma", "[0, ∞)", 'reduction="none" (default)'):
        assert words in output
    assert "∂ℓ/∂input" not in output and "step by step" not in output
    gradient = show("sigmoid_focal_loss", "--gradient").output
    assert "∂ℓ/∂input = " in gradient and "∂²ℓ/∂input² = " in gradient and "step by step" not in gradient
    steps = show("sigmoid_focal_loss", "--steps").output
    assert "log of product" in steps.lower() and "∂ℓ/∂input" not in steps


@pytest.mark.parametrize(
    "name", ["focal_loss", "sigmoid_focal_loss", "gaussian_nll_loss", "tversky_loss", "soft_dtw_loss"]
)
def test_formulas_fit_a_terminal_of_80_columns(name):
    output = show(name, "--gradient").output.partition("How to call it")[0]
    assert "↪" not in output
    assert [line for line in output.splitlines() if cell_len(line) > 80 or line != line.rstrip()] == []


def test_colours_on_a_terminal_only_and_as_the_user_wants_them(monkeypatch):
    assert "\x1b" not in show("mse_loss").output
    monkeypatch.setenv("FORCE_COLOR", "1")
    kernel = show("mse_loss", "--kernel", "cpu").output
    assert "\x1b[" in show("mse_loss").output and re.search(COLOUR, kernel)
    monkeypatch.setenv("NO_COLOR", "1")
    for arguments in (("mse_loss",), ("mse_loss", "--kernel", "cpu")):
        assert not re.search(COLOUR, show(*arguments).output)


def test_a_kernel_goes_into_a_file_as_it_is():
    text = show("mse_loss", "--kernel", "cpu").output
    assert text == (ROOT / "generated" / "cpu" / "mse_loss_float32.py").read_text()
    compile(show("cross_entropy", "--kernel", "cuda", "--dtype", "float64").output, "both variants", "exec")


def test_the_page_in_latex_is_the_one_that_a_build_writes():
    assert show("mse_loss", "--latex").output == (ROOT / "generated" / "latex" / "mse_loss.tex").read_text()


def test_json_has_formulas_that_a_program_can_read():
    found = json.loads(show("huber_loss", "--json").output)
    (variant,) = found["variants"]
    assert [a["name"] for a in variant["arguments"]] == ["input", "target", "weight"]
    assert found["parameters"] == {"delta": 1}
    x = {"input": 3, "target": 1, "delta": 1, "weight": 1}
    names = {name: Symbol(name) for name in x}
    assert sympify(variant["formula"]["text"], names).subs(x) == sympify("3/2")
    (gradient,) = [g for g in variant["gradient"] if g["argument"] == "input"]
    assert sympify(gradient["text"], names).subs(x) == 1
    recurrences = json.loads(show("soft_dtw_loss", "--json").output)["variants"][0]["recurrences"]
    assert recurrences[0]["outside"] == "oo" and r"\begin{cases}" in recurrences[0]["cell"]["latex"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("focal",), "did you mean focal_loss or sigmoid_focal_loss?"),
        (("CTCLoss",), "did you mean ctc_loss?"),
        (("mse_loss", "--kernel", "gpu"), "is not one of 'cpu', 'cuda'"),
        (("mse_loss", "--kernel", "cpu", "--steps"), "--kernel stands alone"),
        (("mse_loss", "--json", "--gradient"), "--json stands alone"),
        (("mse_loss", "--dtype", "float64"), "give --kernel"),
        (("mse_loss", "--gradent"), "--gradient"),
    ],
)
def test_mistakes_say_what_is_expected(arguments, words):
    result = show(*arguments)
    assert result.exit_code == 2 and words in result.stderr and "Traceback" not in result.output
