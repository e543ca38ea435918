"""Every loss of the package × variant × surface × dtype against its raw formula; a new loss is covered by existing."""

from pathlib import Path

import pytest

import lossgen
from lossgen import generated
from lossgen.cli.coverage import record_path
from lossgen.formula.load import load_losses
from lossgen.verify.check import check_loss
from lossgen.verify.record import coverage, entry, read
from lossgen.verify.surfaces import COLUMNS

LOSSES = load_losses(Path(lossgen.__file__).parent.parent / "spec")
OUT = Path(generated.__file__).parent


@pytest.mark.parametrize("name", LOSSES)
def test_the_record_holds_every_cell_for_the_files_as_they_are(name):
    """`lossgen check --record` has tried kernels, surfaces and runtime as they are now: the record is bound to their hashes."""
    cells = coverage(LOSSES[name], OUT, read(record_path(OUT)))
    assert len(cells) == sum(len(column.quantities) for column in COLUMNS)
    assert {cell.state for cell in cells.values()} <= {"ok", "none"}, "run `lossgen check --record`"


@pytest.mark.parametrize("name", LOSSES)
def test_every_quantity_on_every_surface_agrees_with_the_raw_formula(name):
    """All cells of the loss's row in the table of coverage are filled, by what has just been tried."""
    findings = list(check_loss(LOSSES[name], generated))
    wrong = [f for f in findings if not f.passed]
    assert not wrong, wrong[0]
    cells = coverage(LOSSES[name], OUT, {name: entry(LOSSES[name], OUT, findings)})
    assert len(cells) == sum(len(column.quantities) for column in COLUMNS)
    lacking = {column.name for column in COLUMNS if not any(map(column.has, LOSSES[name].pieces))}
    assert {surface for (surface, _), cell in cells.items() if cell.state != "ok"} == lacking, cells
    assert {cell.state for (surface, _), cell in cells.items() if surface in lacking} <= {"none"}
    assert {cell.dtypes for cell in cells.values() if cell.state == "ok"} == {("float32", "float64")}
