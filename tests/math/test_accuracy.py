"""The scalar math functions: accuracy against mpmath, special values, printed source, vectorisation."""

import ast
import math
import re
from collections.abc import Callable
from functools import cache

import mpmath
import numpy as np
import pytest
from numba import njit

from lossgen.kernel.math import MATH_FLAGS, library

mpmath.mp.dps = 50

DTYPES = ("float32", "float64")
INF, NAN = math.inf, math.nan
# The worst error allowed, in units in the last place (float32, float64).
BOUNDS = {
    "exp": (1.0, 1.0),
    "exp_nonpositive": (1.0, 1.0),
    "expm1": (1.4, 1.4),
    "log": (1.0, 1.1),
    "log1p": (1.0, 1.1),
    "log1p_unit": (1.2, 1.5),
    "tanh": (1.4, 1.4),
    "expm1_minus": (2.5, 2.5),
    "expm1_ratio": (2.0, 2.0),
}
OF_TWO = ("power", "exp_of_difference", "exp_below", "less_log")
SPECIAL = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (1e3, INF), (-1e3, 0.0)],
    "exp_nonpositive": [(0.0, 1.0), (-0.0, 1.0), (-INF, 0.0), (-1e3, 0.0)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (1e3, INF), (-1e3, -1.0)],
    "log": [(0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (1.0, 0.0), (-1.0, NAN), (-1e-40, NAN)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, NAN), (-1.0, -INF), (-1.5, NAN)],
    "log1p_unit": [(0.0, 0.0), (5e-324, 5e-324), (1.0, math.log(2.0))],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (1e3, 1.0), (-1e3, -1.0)],
    "expm1_minus": [(0.0, 0.0), (-0.0, 0.0), (INF, INF), (-INF, INF), (1e3, INF), (-1e3, 999.0)],
    "expm1_ratio": [(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, INF), (1e3, 0.0), (-1e3, 1e3)],
}


def header(dtype: str) -> str:
    """What a kernel module prints before the library's text."""
    integer = dtype.replace("float", "int")
    return (
        f"import numpy as np\nfrom numba import njit\n"
        f"real = np.{dtype}\ninteger = np.{integer}\nMATH = {MATH_FLAGS}\n\n\n"
    )


@cache
def compiled(dtype: str, name: str) -> Callable[..., None]:
    """A kernel-like loop over one function: run(x, out), run(x, y, out) for one of two arguments."""
    arguments = "x, y" if name in OF_TWO else "x"
    call = "x[i], y[i]" if name in OF_TWO else "x[i]"
    text = header(dtype) + library(dtype).source([name])
    text += f"\n\ndef run({arguments}, out):\n    for i in range(out.size):\n        out[i] = {name}({call})\n"
    namespace: dict[str, object] = {}
    exec(compile(text, f"<{name} {dtype}>", "exec"), namespace)
    return njit(nogil=True, error_model="numpy")(namespace["run"])


def apply(dtype: str, name: str, *arguments: np.ndarray) -> np.ndarray:
    out = np.empty(arguments[0].size, "int32" if (dtype, name) == ("float32", "ordered") else dtype)
    compiled(dtype, name)(*arguments, out)
    return out


def ulps(got: float, exact: mpmath.mpf, dtype: str) -> float:
    """The error of a result in units in the last place; overflow to the right infinity is no error."""
    info = np.finfo(dtype)
    if math.isinf(got):
        limit = mpmath.mpf(float(info.max)) * (1 + mpmath.mpf(float(info.epsneg)) / 2)
        return 0.0 if mpmath.sign(exact) == math.copysign(1, got) and abs(exact) >= limit else INF
    exponent = mpmath.frexp(exact)[1] - info.nmant - 1 if exact else -10000
    unit = mpmath.ldexp(1, max(exponent, info.minexp - info.nmant))
    return float(abs(mpmath.mpf(got) - exact) / unit)


def exact_value(name: str, x: mpmath.mpf) -> mpmath.mpf:
    if name == "expm1_minus":
        with mpmath.workdps(120):
            return mpmath.expm1(x) - x if abs(x) > mpmath.mpf(10) ** -30 else x * x / 2 + x**3 / 6
    if name == "expm1_ratio":
        return x / mpmath.expm1(x) if x else mpmath.mpf(1)
    return getattr(mpmath, name.removesuffix("_unit").removesuffix("_nonpositive"))(x)


def sample(name: str, dtype: str) -> np.ndarray:
    """Random numbers of every size, and the borders where ranges meet, results overflow or become subnormal."""
    rng = np.random.default_rng(7)
    info = np.finfo(dtype)
    top = 2.0 * math.log(2.0) * info.maxexp / 2
    size = 160
    magnitudes = 10 ** rng.uniform(-9, 2, size)
    tiny = np.array([info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny, 2 * info.tiny, 1e-30, info.eps])
    steps = np.arange(-6, 7) * float(info.eps)
    borders = [math.log(2) * (k + 0.5) for k in (-2, -1, 0, 1)] + [0.4055, -0.2877, 0.55, -0.55, 1.0, -1.0, 17.06]
    parts = [
        rng.uniform(-2, 2, size),
        rng.uniform(-1.25 * top, 1.05 * top, size),
        magnitudes,
        -magnitudes,
        tiny,
        -tiny,
        1 + steps,
        -1 + np.abs(steps),
        np.add.outer(borders, steps).ravel(),
        [top - 0.01, top - 1e-4, -top, -1.02 * top, info.max, info.max / 3],
    ]
    with np.errstate(over="ignore"):
        x = np.concatenate(parts).astype(dtype)
    lowest = {"log": 0.0, "log1p": -1.0}.get(name, -INF)
    return x[(x > lowest) & np.isfinite(x)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BOUNDS)
def test_accuracy(name: str, dtype: str) -> None:
    x = sample(name, dtype)
    if name == "log1p_unit":
        x = x[(x >= 0) & (x <= 1)]
    elif name == "exp_nonpositive":
        x = x[(x <= 0) & (x > -1e4)]
    elif not name.startswith("log"):
        x = x[np.abs(x.astype(float)) < 1e4]
    got = apply(dtype, name, x)
    errors = [ulps(float(g), exact_value(name, mpmath.mpf(float(v))), dtype) for v, g in zip(x, got, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= BOUNDS[name][DTYPES.index(dtype)], (x[worst], got[worst], errors[worst])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str, dtype: str) -> None:
    x, expected = np.array([*SPECIAL[name], (-NAN, NAN), (NAN, NAN)], dtype).T.copy()
    got = apply(dtype, name, x)
    np.testing.assert_array_equal(got, expected)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(expected[numbers]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_of_a_difference_that_is_not_exact(dtype: str) -> None:
    rng = np.random.default_rng(12)
    top = 80 if dtype == "float32" else 700
    a = np.concatenate([rng.uniform(-top, 0.5, 300), rng.uniform(-1, 1, 50), [-INF, -1e30, 0.0, 1e30, NAN]]).astype(
        dtype
    )
    b = rng.uniform(-1, 1, a.size).astype(dtype)
    out = np.empty_like(a)
    compiled(dtype, "exp_of_difference")(a, b, out)
    errors = [
        ulps(float(g), mpmath.exp(mpmath.mpf(float(x)) - mpmath.mpf(float(y))), dtype)
        for x, y, g in zip(a[:350], b[:350], out[:350], strict=True)
    ]
    assert max(errors) <= 2
    np.testing.assert_array_equal(out[350:], [0, 0, out[352], INF, NAN])


@pytest.mark.parametrize("dtype", DTYPES)
def test_difference_from_a_logarithm_that_is_nearly_equal(dtype: str) -> None:
    rng = np.random.default_rng(14)
    info = np.finfo(dtype)
    t = 10 ** rng.uniform(math.log10(info.tiny), math.log10(info.max), 400)
    t = np.concatenate([t, rng.uniform(0.5, 30, 200), 1 + rng.uniform(-0.3, 0.6, 100), [info.smallest_subnormal]])
    t = t.astype(dtype)
    x = np.log(t.astype(float)) * (1 + rng.choice([0, 1e-7, 1e-4, 0.3, -2], t.size))
    x = x.astype(dtype)
    got = apply(dtype, "less_log", x, t)
    for a, b, found in zip(x.tolist(), t.tolist(), got.tolist(), strict=True):
        exact = mpmath.mpf(a) - mpmath.log(mpmath.mpf(b))
        lost = abs(mpmath.mpf(a)) * mpmath.ldexp(1, -40 if dtype == "float32" else -64)
        bound = (0.51 if dtype == "float32" else 1) * float(np.spacing(abs(np.asarray(found, dtype))))
        assert abs(mpmath.mpf(found) - exact) <= bound + lost, (a, b, found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_difference_from_a_logarithm_at_the_ends(dtype: str) -> None:
    x, t, expected = np.array(
        [
            (1, 0, INF),
            (-1, -0.0, INF),
            (1, INF, -INF),
            (INF, 2, INF),
            (0, 1, 0),
            (1, -1, NAN),
            (NAN, 1, NAN),
            (1, NAN, NAN),
        ],
        dtype,
    ).T.copy()
    np.testing.assert_array_equal(apply(dtype, "less_log", x, t), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("largest", [0.0, 1.0, 30.0, 207.0, 209.0, 1501.0, -30.0, -209.0, -1e4, 1e5])
def test_exp_below_the_largest_of_a_row(dtype: str, largest: float) -> None:
    """Where the difference is exact, and where it is not; equal numbers give 1 exactly."""
    rng = np.random.default_rng(13)
    b = (largest + rng.uniform(-1, 1, 400)).astype(dtype)
    gap = np.concatenate(
        [rng.uniform(0, 80 if dtype == "float32" else 700, 300), 10 ** rng.uniform(-6, 0, 90), 10 * [0]]
    )
    a = np.minimum((b - gap).astype(dtype), b)
    got = apply(dtype, "exp_below", a, b)
    exact = [mpmath.exp(mpmath.mpf(float(x)) - mpmath.mpf(float(y))) for x, y in zip(a, b, strict=True)]
    assert max(ulps(float(g), e, dtype) for g, e in zip(got, exact, strict=True)) <= 2.5
    np.testing.assert_array_equal(got[a == b], 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_exp_below_at_the_ends(dtype: str) -> None:
    a, b, expected = np.array(
        [(-INF, 0, 0), (-1e30, 1, 0), (1e30, 1e30, 1), (0, 1e30, 0), (-3e38, 3e38, 0), (NAN, 1, NAN), (1, NAN, NAN)],
        dtype,
    ).T.copy()
    np.testing.assert_array_equal(apply(dtype, "exp_below", a, b), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_power_accuracy(dtype: str) -> None:
    rng = np.random.default_rng(11)
    info = np.finfo(dtype)
    top = math.log(2.0) * info.maxexp
    base = np.concatenate(
        [
            rng.uniform(0, 4, 200),
            10 ** rng.uniform(math.log10(info.tiny), math.log10(info.max), 200),
            1 + rng.uniform(-1, 1, 40) * 2.0 ** -rng.integers(1, info.nmant, 40),
            [info.smallest_subnormal, info.tiny, info.max, 0.75, 1.5],
        ]
    ).astype(dtype)
    # Exponents that spread the results over the whole range, overflow and subnormals included; then ordinary ones.
    wide = np.log(base.astype("float64"))
    wide = rng.uniform(-1.08 * top, 1.01 * top, base.size) / np.where(wide == 0, 1, wide)
    x = np.concatenate([base, base])
    y = np.concatenate([wide, rng.choice([0.5, 1.0, 2.0, -1.0, 1.5, 3.0], base.size)]).astype(dtype)
    got = apply(dtype, "power", x, y)
    exact = [mpmath.mpf(float(a)) ** mpmath.mpf(float(b)) for a, b in zip(x, y, strict=True)]
    errors = [ulps(float(g), e, dtype) for g, e in zip(got, exact, strict=True)]
    worst = int(np.argmax(errors))
    assert errors[worst] <= (0.55 if dtype == "float32" else 1.1), (x[worst], y[worst], got[worst], errors[worst])


@pytest.mark.parametrize("dtype", DTYPES)
def test_power_special_values(dtype: str) -> None:
    tiny = float(np.finfo(dtype).smallest_subnormal)
    cases = [
        *[(x, y, 1.0) for x in (0.0, -0.0, tiny, 0.5, 1.0, 2.0, INF) for y in (0.0, -0.0)],
        *[(x, y, 0.0) for x in (0.0, -0.0) for y in (tiny, 0.5, 1.0, 1e9, INF)],
        *[(x, y, INF) for x in (0.0, -0.0) for y in (-tiny, -0.5, -1.0, -1e9, -INF)],
        *[(INF, y, INF) for y in (tiny, 1.0, INF)],
        *[(INF, y, 0.0) for y in (-tiny, -1.0, -INF)],
        *[(1.0, y, 1.0) for y in (INF, -INF, 1e30)],
        (0.5, INF, 0.0), (0.5, -INF, INF), (2.0, INF, INF), (2.0, -INF, 0.0), (tiny, INF, 0.0),
        *[(x, y, NAN) for x in (-1.0, -tiny, -INF, NAN) for y in (0.0, 1.0, 2.0, INF)],
        *[(x, NAN, NAN) for x in (0.0, 1.0, INF, 2.0)],
    ]  # fmt: skip
    x, y, expected = np.array(cases, dtype).T.copy()
    np.testing.assert_array_equal(apply(dtype, "power", x, y), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ordered_sorts_like_the_numbers(dtype: str) -> None:
    integer = dtype.replace("float", "int")
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.array([-INF, -1e30, -1.0, -tiny, -0.0, 0.0, tiny, 1.0, 1.5, INF, NAN], dtype)
    image = np.empty(x.size, integer)
    compiled(dtype, "ordered")(x, image)
    assert (np.diff(image) > 0).all()
    back = apply(dtype, "unordered", image)
    np.testing.assert_array_equal(back.view(integer), x.view(integer))


@pytest.mark.parametrize("dtype", DTYPES)
def test_source_is_exactly_the_closure(dtype: str) -> None:
    text = library(dtype).source(["expm1"])
    tree = ast.parse(text)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions] == ["power_of_two", "exp_quotient", "exp_tail", "exp_reduce", "expm1"]
    assert all([ast.unparse(d) for d in node.decorator_list] == ["njit(**MATH)"] for node in functions)
    constants = [node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)]
    assert constants == ["LOG2E", "LN2_HIGH", "LN2_LOW", "ROUND", "ROUND_BITS"]
    assert len(functions) + len(constants) == len(tree.body)


@pytest.mark.parametrize("dtype", DTYPES)
def test_source_of_everything_and_nothing(dtype: str) -> None:
    whole = library(dtype)
    names = [node.name for node in ast.parse(whole.source(whole.names)).body if isinstance(node, ast.FunctionDef)]
    assert tuple(names) == whole.names
    assert set(BOUNDS) | {"power", "ordered", "unordered"} <= set(names)
    assert whole.source([]) == ""
    with pytest.raises(ValueError, match="no math function 'sinh'"):
        whole.source(["sinh"])


def test_unknown_dtype() -> None:
    with pytest.raises(ValueError, match="float16"):
        library("float16")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*BOUNDS, *OF_TWO])
def test_loops_are_vectorised(name: str, dtype: str) -> None:
    x = np.ones(8, dtype)
    apply(dtype, name, *([x, x] if name in OF_TWO else [x]))
    (assembly,) = compiled(dtype, name).inspect_asm().values()
    packed = re.compile(r"\bv?(?:mul|fmadd\d+)p[sd]\b|\bfml[as]\b|\bfmul\s+v|\bfmul\.[24][sd]")
    assert packed.search(assembly), "no packed arithmetic"
    called = set(re.findall(r"\b_?(?:exp|expm1|log|log1p|tanh|pow)f?\b", assembly)) - {name}
    assert not called, f"calls libm: {called}"


def test_float32_stays_float32() -> None:
    for name in BOUNDS:
        apply("float32", name, np.ones(8, "float32"))
        (assembly,) = compiled("float32", name).inspect_asm().values()
        assert not re.search(r"\bv?(?:mul|add|fmadd\d+|cvtps2)[ps]d\b", assembly), name
