"""Kernels of recurrences clear what they read and have not written: whatever their memory held before changes nothing."""

import os
import subprocess
import sys

import pytest

#: Every loss with recurrences on ragged items, first as usual, then with NaN wherever NumPy gives uninitialised memory.
#: Without Numba kernels are the same lines, and take their memory from NumPy.
SCRIPT = """
import sys
import numpy as np
from lossgen import generated

rng = np.random.default_rng(20)
frames, lengths = np.array([7, 4, 0, 5, 6]), np.array([2, 3, 0, 0, 1])
labels = rng.integers(1, 4, (5, 3))
GIVEN = {
    "ctc_loss": (np.log(rng.dirichlet(np.ones(4), (7, 5))), labels, frames, lengths),
    "ctc_with_logits_loss": (rng.normal(size=(7, 5, 4)), labels, frames, lengths),
    "rnnt_loss": (rng.normal(size=(5, 7, 4, 4)), labels, np.maximum(frames, 1), lengths),
    "crf_loss": (rng.normal(size=(5, 7, 4)), rng.integers(0, 4, (5, 7)), *(rng.normal(size=s) for s in ((4, 4), 4, 4)),
                 np.maximum(frames, 1)),
    "soft_dtw_loss": (rng.normal(size=(5, 7, 3)) ** 2, np.maximum(frames, 1), np.maximum(lengths, 1)),
}

def results(name):
    loss = getattr(generated, name)
    given = dict(zip(loss.argument_names, GIVEN[name], strict=False))
    flat = lambda found: found if isinstance(found, tuple) else (found,)
    value, gradient = loss.value_and_grad(**given, reduction="none")
    directions = [np.cos(np.arange(g.size)).reshape(g.shape) for g in flat(gradient)]
    direction = directions[0] if len(directions) == 1 else tuple(directions)
    product = loss.hvp(**given, direction=direction, reduction="sum")
    return [np.asarray(found).copy() for found in (value, *flat(gradient), *flat(product))]

empty = np.empty
def spoilt(shape, dtype=float, **options):
    found = empty(shape, dtype, **options)
    found.fill(np.nan if np.issubdtype(found.dtype, np.floating) else 0)
    return found

usual = results(sys.argv[1])
np.empty = spoilt
again = results(sys.argv[1])
for before, after in zip(usual, again, strict=True):
    np.testing.assert_array_equal(before, after)
assert sum(np.isfinite(found).any() for found in again) == len(again)
print("the same", len(again))
"""


@pytest.mark.parametrize("name", ["ctc_loss", "ctc_with_logits_loss", "rnnt_loss", "crf_loss", "soft_dtw_loss"])
def test_memory_that_is_not_cleared_changes_nothing(name):
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT, name], capture_output=True, text=True, env=environment)
    assert done.stdout.startswith("the same"), done.stderr[-2000:]
