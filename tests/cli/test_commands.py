"""The command line in projects of its own: what it writes, what it says of mistakes, how it exits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lossgen.cli.group import lossgen as command
from lossgen.verify.surfaces import COLUMNS

GOOD = '''
from lossgen.formula import Prediction, Real, loss

@loss(paper="Somebody 1999")
def cubic_loss(input: Prediction, target: Real):
    """The cubed error."""
    return (input - target) ** 3
'''

HEAD = "from lossgen.formula import *\nimport sympy\n\n@loss\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "cubic.py").write_text(GOOD)
    (tmp_path / "pyproject.toml").write_text('[tool.lossgen]\nspec = "spec"\nout = "out_package"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(command, arguments)


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_build_then_check_then_a_stale_package(project):
    first = run("build")
    assert first.exit_code == 0 and "1 losses" in first.output and "+ numpy/_cubic_loss.py" in first.output
    assert run("build", "--check").exit_code == 0
    (project / "spec" / "cubic.py").write_text(GOOD.replace("** 3", "** 5"))
    before = files(project)
    stale = run("build", "--check")
    assert stale.exit_code == 1 and "+++" in stale.output and "run `lossgen build`" in stale.output
    assert files(project) == before
    assert run("build").exit_code == 0 and run("build", "--check").exit_code == 0


def test_what_is_missing_or_left_over_is_stale(project):
    run("build")
    (project / "out_package" / "cpu" / "cubic_loss_float32.py").unlink()
    assert run("build", "--check").exit_code == 1
    run("build")
    (project / "spec" / "cubic.py").write_text(GOOD.replace("cubic_loss", "other_loss"))
    assert run("build", "--check").exit_code == 1
    assert "- numpy/_cubic_loss.py" in run("build").output


@pytest.mark.parametrize(
    "body, words",
    [
        ("def l(input: Prediction, target: Real):\n    return (input - target) ** q", "NameError"),
        ("def l(input: Prediction, target: Real):\n    return input - sympy.Symbol('q')", "l: free symbol q"),
        (
            "def l(input: Prediction, target: Real):\n    return sympy.Function('f')(input)",
            "l: unknown function f(input)",
        ),
        ("def l(input: Prediction, target: Real):\n    return sympy.zeta(input)", "zeta"),
        ("def l(input: Prediction, target: Real)\n    return input", "bad.py:5"),
        ("def l(input, target: Real):\n    return input", "argument input has no role"),
        ("def l(input: Prediction, gamma: Parameter):\n    return input * gamma", "gamma needs a default"),
        ("def cubic_loss(input: Prediction, target: Real):\n    return input", "cubic_loss is defined twice"),
    ],
)
def test_a_bad_formula_is_one_line_and_nothing_is_written(project, body, words):
    (project / "spec" / "bad.py").write_text(HEAD + body + "\n")
    before = files(project)
    result = run("build")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1 and words in result.stderr
    assert files(project) == before


def test_foreign_files_are_kept(project):
    (project / "out_package").mkdir()
    (project / "out_package" / "precious.txt").write_text("mine")
    result = run("build")
    assert result.exit_code == 2 and "precious.txt" in result.stderr and result.stderr.count("\n") == 1
    assert files(project / "out_package") == {"precious.txt"}


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("build", "--out", "spec"), "lie in one another"),
        (("build", "--spec", "nowhere"), "no such folder"),
        (("show", "cubic_los"), "did you mean cubic_loss?"),
        (("show", "CubicLoss"), "did you mean cubic_loss?"),
        (("show", "xyz"), "there are cubic_loss"),
        (("new", "not-a-name"), "not-a-name"),
        (("check",), "run `lossgen build`"),
    ],
)
def test_mistakes_are_one_line(project, arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2 and words in result.stderr and result.stderr.count("\n") == 1


def test_a_misspelt_command_is_suggested(project):
    result = run("biuld")
    assert result.exit_code == 2 and "did you mean 'build'?" in result.stderr


def test_no_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "[tool.lossgen]" in run("list").stderr
    (tmp_path / "pyproject.toml").write_text("[tool.lossgen\n")
    assert "not valid TOML" in run("list").stderr
    (tmp_path / "pyproject.toml").write_text("[tool.lossgen]\nspec = 3\n")
    assert "spec is 3" in run("list").stderr


def test_new_writes_a_formula_that_builds(project):
    for kind in ("element", "row"):
        assert run("new", f"my_{kind}_loss", "--family", "mine", "--kind", kind).exit_code == 0
    assert (project / "spec" / "mine" / "my_row.py").is_file()
    assert run("build").exit_code == 0
    again = run("new", "my_row_loss", "--family", "mine")
    assert again.exit_code == 2 and "exists already" in again.stderr


def test_list_and_show(project):
    rows = json.loads(run("list", "--json").output)
    assert [(r["name"], r["paper"], r["arguments"]) for r in rows] == [
        ("cubic_loss", "Somebody 1999", {"input": ["Prediction"], "target": ["Real"]})
    ]
    assert "cubic_loss" in run("list").output
    shown = run("show", "cubic_loss", "--gradient", "--steps").output
    assert "The cubed error." in shown and "∂ℓ/∂input = " in shown and "step by step" in shown
    assert "∂ℓ/∂input" not in run("show", "cubic_loss").output
    kernel = run("show", "cubic_loss", "--kernel", "cpu", "--dtype", "float64").output
    assert "real = np.float64" in kernel and "def evaluate(" in kernel


def test_the_list_has_the_whole_purpose_of_a_loss(project):
    cubic = project / "spec" / "cubic.py"
    cubic.write_text(GOOD.replace("The cubed error.", "The cubed\n    error.\n\n    Use it never."))
    assert [row["summary"] for row in json.loads(run("list", "--json").output)] == ["The cubed error."]


def check(project: Path, *options: str) -> subprocess.CompletedProcess:
    """`lossgen check` in a process of its own: the package is imported under its own name."""
    command_line = [sys.executable, "-m", "lossgen", "check", *options]
    return subprocess.run(command_line, cwd=project, capture_output=True, text=True)


def test_check_passes_and_sees_and_records_a_kernel_that_is_wrong(project):
    run("build")
    cells = sum(len(column.quantities) for column in COLUMNS)
    assert f"0 of {cells} cells" in run("list", "--coverage").output
    good = check(project, "--json", "--record")
    assert good.returncode == 0, good.stderr
    assert all(f["passed"] for f in json.loads(good.stdout))
    kept = json.loads((project / ".verification.json").read_text())["losses"]
    assert list(kept) == ["cubic_loss"] and all(f["passed"] for f in kept["cubic_loss"]["figures"])
    assert states() == ["ok"] * cells
    kernel = project / "out_package" / "cpu" / "cubic_loss_float64.py"
    text = kernel.read_text()
    wrong = text.replace("grad_input_block[i] = result", "grad_input_block[i] = -result")
    assert wrong != text
    kernel.write_text(wrong)
    assert states() == ["stale"] * cells
    bad = check(project, "--json", "--record")
    assert bad.returncode == 1 and "gradient of input float64" in bad.stderr
    wrong = ["wrong" if quantity == "gradient" else "ok" for column in COLUMNS for quantity in column.quantities]
    assert states() == wrong


def states() -> list[str]:
    """What the table of coverage says of the value, gradient and second derivative on each surface."""
    return [cell["state"] for cell in json.loads(run("list", "--coverage", "--json").output)["cells"]]


def test_check_verbose_has_a_line_for_each_argument_and_kind_of_input(project):
    run("build")
    result = check(project, "-v")
    assert result.returncode == 0, result.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines()]
    gradients = [row for row in rows if row[:2] == ["cubic_loss", "NumPy"] and row[2].startswith("gradient of ")]
    found = sorted((row[2], row[3], row[8]) for row in gradients if "torch" not in row[2])
    quantities = ("gradient of input", "gradient of target")
    assert found == [(q, d, i) for q in quantities for d in ("float32", "float64") for i in ("hard", "random")]
    assert all(row[7] == "ok" and int(row[4]) > 0 for row in gradients)


def test_help_names_every_command():
    output = run("--help").output
    assert all(name in output for name in ("new", "build", "check", "list", "show", "docs", "bench", "demo"))
