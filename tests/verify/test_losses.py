"""Every loss of the package × variant × surface × dtype against its raw formula; a new loss is covered by existing."""

from pathlib import Path

import pytest

import lossgen
from lossgen import generated
from lossgen.formula.load import load_losses
from lossgen.verify.check import Finding, check_loss
from lossgen.verify.record import QUANTITIES, coverage, entry
from lossgen.verify.surfaces import COLUMNS

LOSSES = load_losses(Path(lossgen.__file__).parent.parent / "spec")
OUT = Path(generated.__file__).parent


#: What loses more digits than the measure allows: (variant, kind, dtype) of a loss. Everything else about these losses has to
#: pass, and a loss that is mended has to be taken out of here. (Which of them fail differs by a unit between processors.)
SHORT = {
    # A small difference of two large distances; p-norms near 0 for p = 3.
    "triplet_margin_loss": {("p", kind, "float64") for kind in ("value", "gradient", "product", "diagonal")}
    | {(variant, "value", "float64") for variant in ("p1", "pinf")}
    | {(variant, kind, "float64") for variant in ("p2", "p_swap") for kind in ("product", "diagonal")},
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_quantity_on_every_surface_agrees_with_the_raw_formula(name):
    """All cells of the loss's row in the table of coverage are filled, by what has just been tried."""
    findings = list(check_loss(LOSSES[name], generated))
    wrong = [f for f in findings if not f.passed]
    unexpected = [f for f in wrong if _place(f) not in SHORT.get(name, ())]
    assert not unexpected, unexpected[0]
    assert wrong or name not in SHORT, "mended: take it out of SHORT"
    cells = coverage(LOSSES[name], OUT, {name: entry(LOSSES[name], OUT, findings)})
    allowed = {"ok", "wrong"} if wrong else {"ok"}
    assert len(cells) == len(COLUMNS) * len(QUANTITIES) and {cell.state for cell in cells.values()} <= allowed, cells
    assert {cell.dtypes for cell in cells.values()} == {("float32", "float64")}


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.variant, finding.figure.kind, finding.figure.dtype
