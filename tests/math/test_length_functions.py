"""The scalar functions for lengths: accuracy, the ends of the range, vectorisation."""

import re

import mpmath
import numpy as np
import pytest
from numba import njit
from test_accuracy import DTYPES, apply, header, ulps

from lossgen.kernel.math import library

INF, NAN = np.inf, np.nan


def apply_two(dtype: str, name: str, x, y) -> np.ndarray:
    """The function of two arguments for every pair; the compiled loop too."""
    text = header(dtype) + library(dtype).source([name])
    text += f"\n\ndef run(x, y, out):\n    for i in range(out.size):\n        out[i] = {name}(x[i], y[i])\n"
    namespace: dict[str, object] = {}
    exec(compile(text, f"<{name} {dtype}>", "exec"), namespace)
    run = njit(nogil=True, error_model="numpy")(namespace["run"])
    x, y = np.asarray(x, dtype), np.asarray(y, dtype)
    out = np.empty(x.size, dtype)
    run(x, y, out)
    return out, run


@pytest.mark.parametrize("dtype", DTYPES)
def test_hypot_over_the_whole_range(dtype):
    rng, info = np.random.default_rng(5), np.finfo(dtype)
    sizes = 10 ** rng.uniform(np.log10(info.tiny), np.log10(info.max) - 0.5, (2, 300))
    near = np.array([1.0, 1 + 1e-3, 3.0]) * np.array([[1], [1]])
    x, y = np.concatenate(
        [sizes * rng.choice([-1, 1], sizes.shape), near, [[3, info.max / 2, 0], [4, info.max / 2, 5]]], 1
    )
    x, y = x.astype(dtype), y.astype(dtype)
    found, run = apply_two(dtype, "hypot", x, y)
    errors = [
        ulps(float(f), mpmath.hypot(mpmath.mpf(float(a)), mpmath.mpf(float(b))), dtype)
        for f, a, b in zip(found, x, y, strict=True)
    ]
    assert max(errors) <= 1.5
    (assembly,) = run.inspect_asm().values()
    assert re.search(r"\bv?sqrtp[sd]\b|\bfsqrt\s+v|\bfsqrt\.[24][sd]", assembly), "no packed square root"


@pytest.mark.parametrize("dtype", DTYPES)
def test_hypot_at_the_ends(dtype):
    pairs = [
        (0, 0, 0),
        (-0.0, 2, 2),
        (-3, 0, 3),
        (INF, 1, INF),
        (1, -INF, INF),
        (INF, INF, INF),
        (NAN, 1, NAN),
        (0, NAN, NAN),
    ]
    x, y, expected = np.array(pairs, dtype).T.copy()
    np.testing.assert_array_equal(apply_two(dtype, "hypot", x, y)[0], expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_binade_is_the_power_of_two_below(dtype):
    info = np.finfo(dtype)
    x = np.array([1, 1.99, 2, 3, 0.75, info.tiny, info.max, 0, -0.0, -5, info.tiny / 4, INF, NAN], dtype)
    top = float(info.max / (2 - info.eps))
    expected = [1, 1, 2, 2, 0.5, info.tiny, top, 0, 0, 0, 0, INF, 0]
    np.testing.assert_array_equal(apply(dtype, "binade", x), np.array(expected, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_reciprocal_or_zero(dtype):
    info = np.finfo(dtype)
    x = np.array([4, -0.5, info.tiny, info.tiny / 2, 0, -0.0, info.smallest_subnormal, INF, NAN], dtype)
    expected = np.array([0.25, -2, 1 / float(info.tiny), 0, 0, 0, 0, 0, NAN], dtype)
    np.testing.assert_array_equal(apply(dtype, "reciprocal_or_zero", x), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_of_sizes_are_0_at_0_for_every_exponent(dtype):
    x, y = np.array([(2, 3), (-2, 3), (0, -0.5), (0, 0), (-0.0, 2), (-4, 0.5), (-1, 0)], dtype).T.copy()
    np.testing.assert_allclose(apply_two(dtype, "abs_power", x, y)[0], [8, 8, 0, 0, 0, 2, 1], rtol=1e-6)
    np.testing.assert_allclose(apply_two(dtype, "signed_power", x, y)[0], [8, -8, 0, 0, 0, -2, -1], rtol=1e-6)
