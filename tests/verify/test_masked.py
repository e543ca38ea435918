"""A masked item counts exactly nothing, whatever it holds: in the value, every gradient and the curvature of every loss."""

from pathlib import Path

import numpy as np
import pytest

import lossgen
from lossgen import generated
from lossgen.formula.load import load_losses
from lossgen.verify.alignments import with_allowed_labels
from lossgen.verify.layouts import COMMON, as_batch, as_given
from lossgen.verify.reductions import summed
from lossgen.verify.sampling import random_items, settings, sizes_for

LOSSES = load_losses(Path(lossgen.__file__).parent.parent / "spec")
CASES = [pytest.param(loss, v, id=f"{loss.name}-{v.label}") for loss in LOSSES.values() for v in loss.variants]


@pytest.mark.parametrize("loss, variant", CASES)
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_masked_items_may_hold_anything(loss, variant, poison):
    sizes = sizes_for(variant) if variant.filled else {axis.name: 3 + k for k, axis in enumerate(variant.axes)}
    chosen = settings(loss, variant)[0]
    arrays = with_allowed_labels(variant, random_items(variant, np.random.default_rng(9), 6, sizes), chosen)
    keep = np.array([True, False, True, True, False, True])
    dirty = {a.name: arrays[a.name].copy() for a in variant.arguments}
    for a in variant.arguments:
        if a.role.layout not in (*COMMON, "length"):
            dirty[a.name][~keep] = 99 if a.role.integer or a.role.listed else poison
    clean = {a.name: arrays[a.name] if a.role.layout in COMMON else arrays[a.name][keep] for a in variant.arguments}
    dirty, clean = as_given(variant, dirty), as_given(variant, clean)
    function, names = getattr(generated, loss.name), [a.name for a in variant.differentiable]
    options = {**chosen, **summed(loss)}
    mask = dict.fromkeys(loss.batches, keep) if loss.batches else keep
    value, slopes = function.value_and_grad(*dirty.values(), mask=mask, **options, wrt=tuple(names))
    if variant.numbered:  # items keep their numbers only where the masked ones are among them
        expected, whole = function.value_and_grad(*arrays.values(), mask=mask, **options, wrt=tuple(names))
        truths = tuple(truth[keep] for truth in whole)
    else:
        expected, truths = function.value_and_grad(*clean.values(), **options, wrt=tuple(names))
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    slopes, truths = (as_batch(variant, dict(zip(names, x, strict=True))).values() for x in (slopes, truths))
    for argument, slope, truth in zip(variant.differentiable, slopes, truths, strict=True):
        if argument.role.layout in COMMON:
            np.testing.assert_allclose(slope, truth, rtol=1e-13)
        else:
            np.testing.assert_array_equal(slope[~keep], 0)
            np.testing.assert_allclose(slope[keep], truth, rtol=1e-13)
    if variant.filled:
        return
    diagonal = function.hessian_diagonal(*dirty.values(), mask=mask, **options)
    for found in diagonal if isinstance(diagonal, tuple) else (diagonal,):
        np.testing.assert_array_equal(found[~keep], 0)
