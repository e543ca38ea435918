"""Every loss of the package × variant × dtype against its raw formula in wide arithmetic; a new loss is covered by existing."""

from pathlib import Path

import numpy as np
import pytest

import lossgen
from lossgen import generated
from lossgen.formula.load import load_losses
from lossgen.verify.check import check_loss

LOSSES = load_losses(Path(lossgen.__file__).parent.parent / "spec")

#: Worst error of values and gradients on the hard inputs, in units of rounding, where labels are hard.
HARD_ULP = 32.0


@pytest.mark.parametrize("name", LOSSES)
def test_kernels_agree_with_the_raw_formula(name):
    findings = list(check_loss(LOSSES[name], generated))
    kinds = {(f.inputs, f.figure.dtype) for f in findings}
    assert kinds == {(inputs, dtype) for inputs in ("random", "hard") for dtype in ("float32", "float64")}
    wrong = [f for f in findings if not f.passed]
    assert not wrong, wrong[0]
    for f in findings:
        smoothed = f.parameters.get("label_smoothing")
        if f.inputs == "hard" and not smoothed and not f.figure.quantity.startswith("Hessian"):
            assert f.figure.worst <= HARD_ULP or _right_to_the_row(f.figure), f


def _right_to_the_row(figure):
    """In double precision, an entry of a gradient that cancels is right to the rounding of its row's largest entry."""
    return figure.dtype == "float64" and figure.relative <= 4 * np.finfo(np.float64).eps
