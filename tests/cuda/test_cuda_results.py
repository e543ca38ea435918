"""Every CUDA kernel, run in the simulator, against the raw formula in 50 digits."""

from pathlib import Path

import ml_dtypes
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


@pytest.mark.parametrize("case", CASES, ids=title)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_rounded_once(case, dtype):
    """The arithmetic is that of float32, on the same numbers: nothing in between is rounded to half precision."""
    loss, variant = case
    half = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}[dtype]
    arrays = random_items(variant, np.random.default_rng(6), 5, sizes_for(variant))
    given = {n: x if x.dtype.kind == "i" else x.astype(half).astype(np.float32) for n, x in arrays.items()}
    moves = {a.name: given[a.name] for a in variant.predictions}
    for kernel, directions in {"evaluate": {}, "hvp": moves, "hessian_diagonal": {}}.items():
        call = (loss, variant, kernel, given, settings(loss, variant)[0], directions)
        single, found = OnSimulatedCuda()(*call), OnSimulatedCuda(storage=dtype)(*call)
        assert found.total == single.total and found.faults == single.faults
        for name, numbers in {**single.outputs, "values": single.values}.items():
            expected = numbers.astype(found.values.dtype) if numbers.dtype == np.float32 else numbers
            got = {**found.outputs, "values": found.values}[name]
            assert (kernel == "hessian_diagonal" and name == "values") or expected.tobytes() == got.tobytes(), name


@pytest.mark.fuzz
@pytest.mark.parametrize("case", CASES, ids=title)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hard_items_at_all_hyperparameters(case, dtype):
    loss, variant = case
    arrays = hard_items(variant, np.random.default_rng(2), sizes_for(variant))
    for parameters in settings(loss, variant):
        wrong = failures(case, arrays, parameters, np.dtype(dtype).type)
        assert not wrong or (loss.name, dtype) in SHORT, (parameters, wrong[0])
