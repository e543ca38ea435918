"""The runtime is light to import, imports nothing of the compiler, and its losses can be pickled."""

import pickle
import subprocess
import sys

from handwritten.losses import square

HEAVY = ("numba", "sympy", "torch", "ml_dtypes", "lossgen.formula", "lossgen.derive", "lossgen.kernel", "lossgen.build")


def test_import_is_light():
    code = f"import sys, lossgen.runtime; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_losses_are_pickled_by_their_class():
    copy = pickle.loads(pickle.dumps(square))
    assert type(copy) is type(square)
    assert copy([1.0], [3.0]) == 4
    assert repr(copy) == "<loss square>"


def test_the_cache_of_plans_is_bounded():
    for n in range(1, 600):
        assert square([1.0] * n, [2.0] * n) == 1
    assert len(square._plans) <= 256
