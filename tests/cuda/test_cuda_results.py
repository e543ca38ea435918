"""Every CUDA kernel, run in the simulator, against the raw formula in 50 digits."""

from pathlib import Path

import numpy as np
import pytest
from kernels import OnSimulatedCuda, title, variants

from lossgen.formula.load import load_losses
from lossgen.verify.comparison import compare
from lossgen.verify.sampling import hard_items, random_items, settings, sizes_for

LOSSES = load_losses(Path(__file__).parents[2] / "spec")
CASES = variants(LOSSES)

#: Losses whose kernels lose digits on the CPU, too, in these dtypes: `tests/verify/test_losses.py` lists what.
SHORT = {("softcapped_cross_entropy", "float64"), ("triplet_margin_loss", "float64")}


def failures(case, arrays, parameters, dtype, surface=None):
    """The figures that are not within what is allowed."""
    loss, variant = case
    figures = list(compare(loss, variant, [surface or OnSimulatedCuda()], arrays, parameters, dtype))
    assert {f.kind for f in figures} == {"value", "gradient", "product", "diagonal"}
    return [f for f in figures if f.excess > 1 or f.nonfinite]


@pytest.mark.parametrize("case", CASES, ids=title)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_ordinary_items(case, dtype):
    loss, variant = case
    arrays = random_items(variant, np.random.default_rng(1), 5, sizes_for(variant))
    wrong = failures(case, arrays, settings(loss, variant)[0], np.dtype(dtype).type)
    assert not wrong or (loss.name, dtype) in SHORT, wrong[0]


@pytest.mark.fuzz
@pytest.mark.parametrize("case", CASES, ids=title)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hard_items_at_all_hyperparameters(case, dtype):
    loss, variant = case
    arrays = hard_items(variant, np.random.default_rng(2), sizes_for(variant))
    for parameters in settings(loss, variant):
        wrong = failures(case, arrays, parameters, np.dtype(dtype).type)
        assert not wrong or (loss.name, dtype) in SHORT, (parameters, wrong[0])
