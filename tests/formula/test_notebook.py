"""What a notebook shows of losses and of what is derived from them."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from latex2mathml.converter import convert
from traitlets.config import Config

CELL = """
from lossgen.derive import Derivation
from lossgen.spec.classification.cross_entropy import cross_entropy
from lossgen.spec.classification.focal import focal_loss
from lossgen.spec.sequence.soft_dtw import soft_dtw_loss
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    config = Config({"HistoryManager": {"enabled": False}})
    found = InteractiveShell.instance(config=config, ipython_dir=str(tmp_path_factory.mktemp("ipython")))
    assert found.run_cell(CELL).success
    yield found
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    "cell, plain, words",
    [
        ("focal_loss", "<loss focal_loss(input, target, alpha, gamma)>", [r"\mathrm{focal\_loss} = ", r"\gamma"]),
        ("cross_entropy", None, [r"\begin{aligned}", r"\mathrm{cross\_entropy}\;(\mathrm{indices}) &= "]),
        ("soft_dtw_loss", None, [r"\mathrm{soft\_dtw\_loss} &= ", r"\begin{cases}"]),
        ("focal_loss.variants[0]", "<variant of input, target, alpha, gamma>", [r"\ell = "]),
        (
            "Derivation('focal_loss', focal_loss.variants[0])",
            "<derivation of focal_loss: <variant of input, target, alpha, gamma>>",
            [
                r"\ell &= ",
                r"\frac{\partial \ell}{\partial \mathit{input}_{k}} &= ",
                r"\partial \alpha_{\mathit{target}}",
            ],
        ),
        (
            "Derivation('focal_loss', focal_loss.variants[0]).gradient[0]",
            "<result at input[k], input[target]>",
            [r"\mathit{input}_{k} &\mapsto ", r"\mathit{input}_{\mathit{target}} &\mapsto "],
        ),
    ],
)
def test_a_cell_shows_names_and_formulas(shell, cell, plain, words):
    result = shell.run_cell(cell)
    shown, _ = shell.display_formatter.format(result.result)
    if plain:
        assert shown["text/plain"] == plain
    latex = shown["text/latex"]
    assert latex.startswith(r"$\displaystyle ") and latex.endswith("$") and latex.count("$") == 2
    assert all(word in latex for word in words)
    assert convert(latex.strip("$")).count("<math") == 1
