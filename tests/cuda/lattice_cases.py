"""Items for CUDA kernels of losses with recurrences, and how one kernel is called."""

import numpy as np

from lossgen.verify.alignments import with_allowed_labels
from lossgen.verify.sampling import hard_items, random_items, settings, sizes_for

ITEMS = 5


def ordinary(case, dtype=np.float64):
    """Items of different lengths."""
    return _of(case, dtype, random_items(case[1], np.random.default_rng(3), ITEMS, sizes_for(case[1])))


def hard(case):
    """Some hard items."""
    arrays = hard_items(case[1], np.random.default_rng(2), sizes_for(case[1]))
    return _of(case, np.float64, arrays)


def _of(case, dtype, arrays):
    arrays = with_allowed_labels(case[1], arrays, settings(*case)[0])
    return {n: x.astype(dtype) if x.dtype.kind == "f" else x for n, x in arrays.items()}


def size_of(case, axis):
    """The size of an axis."""
    return sizes_for(case[1])[axis.name]


def spoilt(case, given, hidden):
    """The arrays with what no kernel can take in the hidden items: NaN, no class, no length."""
    found = dict(given)
    for a in case[1].arguments:
        if not a.role.same:
            found[a.name] = given[a.name].copy()
            found[a.name][hidden] = np.nan if given[a.name].dtype.kind == "f" else -(2**40)
    return found


def run(case, launch, given, kernel="evaluate", **options):
    """One kernel, with the default hyperparameters."""
    return launch(*case, kernel, given, settings(*case)[0], **options)
