"""The record of the checks: what it keeps, and when it no longer holds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from lossgen.cli.group import lossgen as command
from lossgen.formula.load import load_losses
from lossgen.verify.check import INPUTS, Finding
from lossgen.verify.comparison import Figure
from lossgen.verify.record import NAME as FILE
from lossgen.verify.record import QUANTITIES, coverage, entry, read, write
from lossgen.verify.surfaces import COLUMNS

SPEC = '''
from lossgen.formula import Prediction, Real, loss

@loss(paper="Somebody 1999")
def cubic_loss(input: Prediction, target: Real):
    """The cubed error."""
    return (input - target) ** 3
'''
NAME = "cubic_loss"
CELLS = sum(len(column.quantities) for column in COLUMNS)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A package of one loss, never called: what the checks found is made up here."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "spec").mkdir()
    (folder / "spec" / "cubic.py").write_text(SPEC)
    run("build", folder)
    return folder


def run(name: str, folder: Path, *options: str):
    result = CliRunner().invoke(
        command, (name, "--spec", str(folder / "spec"), "--out", str(folder / "package"), *options)
    )
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def project(built):
    """The package, its loss, and findings that fill every cell of its row."""
    kernel = built / "package" / "cpu" / f"{NAME}_float32.py"
    before = kernel.read_text()
    loss = load_losses(built / "spec")[NAME]
    figures = [
        Figure(column.name, kind, kind, dtype, 1.25, 5, 1, 0.2, 1e-8, "", 0)
        for column in COLUMNS
        for quantity in column.quantities
        for kind in QUANTITIES[quantity]
        for dtype in ("float32", "float64")
    ]
    findings = [Finding(NAME, v.label, inputs, {}, f) for v in loss.variants for inputs in INPUTS for f in figures]
    yield built / "package", loss, findings
    kernel.write_text(before)
    (built / FILE).unlink(missing_ok=True)


def states(loss, out, kept) -> list[str]:
    return [cell.state for cell in coverage(loss, out, kept).values()]


def test_a_record_holds_until_a_file_changes(project):
    out, loss, findings = project
    kept = {NAME: entry(loss, out, findings)}
    cells = coverage(loss, out, kept)
    assert {c.state for c in cells.values()} == {"ok"} and len(cells) == CELLS
    value = cells["NumPy", "value"]
    assert (value.worst, value.moved, value.dtypes) == (1.2, 4, ("float32", "float64"))
    kernel = out / "cpu" / f"{NAME}_float32.py"
    kernel.write_text(kernel.read_text() + "# changed\n")
    assert set(states(loss, out, kept)) == {"stale"}
    kernel.unlink()
    assert set(states(loss, out, kept)) == {"stale"}


def test_a_surface_of_its_own_is_stale_alone(project):
    out, loss, findings = project
    kept = {NAME: entry(loss, out, findings)}
    module = out / "torch" / f"_{NAME}.py"
    text = module.read_text()
    module.write_text(text + "# changed\n")
    expected = ["stale" if column.name == "PyTorch" else "ok" for column in COLUMNS for _ in column.quantities]
    assert states(loss, out, kept) == expected
    module.write_text(text)


def test_a_record_from_before_a_column_holds_for_the_others(project):
    out, loss, findings = project
    kept = entry(loss, out, [f for f in findings if f.figure.surface != "PyTorch"])
    del kept["files"]["PyTorch"]
    expected = ["missing" if column.name == "PyTorch" else "ok" for column in COLUMNS for _ in column.quantities]
    assert states(loss, out, {NAME: kept}) == expected


@pytest.mark.parametrize("lacking", [("float32", "hard"), ("float64", "random")])
def test_what_was_not_tried_is_missing(project, lacking):
    out, loss, findings = project
    assert set(states(loss, out, {})) == {"missing"}
    tried = [f for f in findings if f.figure.kind != "gradient" or (f.figure.dtype, f.inputs) != lacking]
    expected = ["missing" if quantity == "gradient" else "ok" for column in COLUMNS for quantity in column.quantities]
    assert states(loss, out, {NAME: entry(loss, out, tried)}) == expected
    untried = [replace(f, figure=replace(f.figure, entries=0)) for f in findings]
    assert set(states(loss, out, {NAME: entry(loss, out, untried)})) == {"missing"}


@pytest.mark.parametrize("bad", [{"excess": 1.5}, {"nonfinite": 1}])
def test_one_bad_figure_makes_its_cell_wrong(project, bad):
    out, loss, findings = project
    place = next(i for i, f in enumerate(findings) if (f.figure.surface, f.figure.kind) == ("PyTorch", "gradient"))
    findings[place] = replace(findings[place], figure=replace(findings[place].figure, **bad))
    cells = coverage(loss, out, {NAME: entry(loss, out, findings)})
    assert [key for key, cell in cells.items() if cell.state != "ok"] == [("PyTorch", "gradient")]
    assert cells["PyTorch", "gradient"].state == "wrong"


def test_the_table_shows_what_the_file_holds(project):
    out, loss, findings = project
    folder, path = out.parent, out.parent / FILE
    assert f"0 of {CELLS} cells" in run("list", folder, "--coverage")
    write(path, {NAME: entry(loss, out, findings)})
    assert read(path) == {NAME: entry(loss, out, findings)}
    assert f"{CELLS} of {CELLS} cells" in run("list", folder, "--coverage")
    cells = json.loads(run("list", folder, "--coverage", "--json"))["cells"]
    assert [(c["loss"], c["state"]) for c in cells] == [(NAME, "ok")] * CELLS
    kernel = out / "cpu" / f"{NAME}_float32.py"
    kernel.write_text(kernel.read_text() + "# changed\n")
    text = run("list", folder, "--coverage")
    assert f"0 of {CELLS} cells" in text and "stale" in text and "lossgen check --record" in text
