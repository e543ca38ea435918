"""What the kernels' text looks like where it matters: passes, guards, kept exponentials, pairs, constants, bytes."""

import ast
import hashlib
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from rendered import Rendered
from sympy import Integer, Symbol, exp

from lossgen.derive import Derivation
from lossgen.formula import (
    Axis,
    ClassIndex,
    ClassWeight,
    Fraction,
    Logit,
    LogSumExp,
    MaxOver,
    Parameter,
    Positive,
    Prediction,
    Real,
    Sum,
    Unit,
    Variant,
    log,
    log1p,
    loss,
    sigmoid,
    softmax,
    sqrt,
)
from lossgen.formula.symbols import Argument
from lossgen.kernel import render_module
from lossgen.kernel.cpu import render_kernel
from lossgen.kernel.expand import expand
from lossgen.kernel.functions import RestOfExponentials, exp_below, exp_nonpositive, group, log1p_unit, reciprocal
from lossgen.kernel.math import library
from lossgen.kernel.names import family, free_names
from lossgen.kernel.program import Program
from lossgen.kernel.statement_printer import StatementPrinter
from lossgen.kernel.tidy import tidy

C = Axis("C")
c, j, k = C.index(), C.index("j"), C.index("k")
x, y, z = Argument("x", Logit[C]), Argument("y", ClassIndex[C]), Argument("z", Real[C])
u = Argument("u", Prediction)
m, rest = MaxOver(x[c], c), RestOfExponentials(x[c], c)
lse = LogSumExp(x[c], c)


def kernel(made_up, name: str = "evaluate", dtype: str = "float32") -> str:
    """The text of one kernel."""
    text = render_module(made_up, made_up.variants[0], dtype, "somewhere.py")
    return next(part for part in re.split(r"\n\n\n", text) if f"\ndef {name}(" in part)


# Expansion: what is paired is subtracted first.

EXPANDED = {
    "LSE − x_y": (lse - x[y], group(m - x[y]) + log1p(rest)),
    "k·LSE − k·x_y + u": (3 * u * lse - 3 * u * x[y] + u, 3 * u * group(m - x[y]) + 3 * u * log1p(rest) + u),
    "a share": (exp(x[k] - lse), exp_below(x[k], m) * reciprocal(1 + rest)),
    "two shares": (
        exp(x[k] + x[y] - 2 * lse),
        exp_below(x[k], m) * exp_below(x[y], m) * reciprocal(1 + rest) ** 2,
    ),
    "a square of a share": (exp(2 * x[k] - 2 * lse), exp_below(x[k], m) ** 2 * reciprocal(1 + rest) ** 2),
    "half a pair": (exp(x[k] - 2 * lse), exp(group(x[k] - m) - m) * reciprocal(1 + rest) ** 2),
    "a pair and a term": (exp(x[k] + u - lse), exp(group(x[k] - m) + u) * reciprocal(1 + rest)),
    "no pair": (lse - z[y], m + log1p(rest) - z[y]),
    "wrong factor": (2 * lse - x[y], 2 * (m + log1p(rest)) - x[y]),
}


@pytest.mark.parametrize("before, after", EXPANDED.values(), ids=EXPANDED)
def test_what_cancels_is_subtracted_first(before, after):
    assert expand(before) == after


def test_a_temperature_and_a_margin_are_part_of_the_pair():
    t, margin = Symbol("t", positive=True), Symbol("margin", real=True)
    body = (x[c] - margin * y[c]) / t
    found = expand(LogSumExp(body, c) - (x[y] - margin) / t)
    assert found.has(group(MaxOver(expand(body), c) - (x[y] - margin) * reciprocal(t)))
    spread = expand(u * LogSumExp(body, c) - u * x[y] / t + u * margin / t)
    assert len(spread.atoms(group)) == 1


def test_softplus_and_its_derivative_share_an_exponential():
    found = expand(sigmoid(u)).atoms(exp_nonpositive) | expand(sigmoid(-u)).atoms(exp_nonpositive)
    assert len(found) == 1


def test_tidy_takes_out_factors_and_nothing_else():
    a, b, d = Symbol("a"), Symbol("b"), Symbol("d")
    assert tidy(a * b * 2 + a * d) == a * (2 * b + d)
    assert tidy((a + b) ** 2 - a**2) == (a + b) ** 2 - a**2
    assert tidy(group(a - b) * d + group(a - b)) == group(a - b) * (d + 1)
    assert tidy(a * (1 - 2 * b)) == -a * (2 * b - 1)


# Passes, guards, kept exponentials.


@loss
def smoothed(x: Logit[C], y: ClassIndex[C], w: ClassWeight[C] = 1, eps: Fraction = 0):
    """Cross-entropy with smoothing."""
    return -Sum(w[c] * ((1 - eps) * y[c] + eps / C.size) * log(softmax(x, c)), c)


@loss
def moments(x: Prediction[C], a: Parameter = 1, b: Parameter = 1):
    """Sums that need nothing of each other, with and without a switch."""
    return (
        Sum(x[c] ** 2, c)
        + MaxOver(x[c], c)
        + a * Sum(x[c] ** 4, c)
        + a * b * Sum(x[c] ** 3, c)
        + log(1 + a * Sum(x[c] ** 6, c))
    )


def test_sums_that_need_nothing_of_each_other_share_a_pass():
    text = kernel(moments)
    before_outputs = text[: text.index("value = ")]
    assert before_outputs.count("for c in range(n_C)") == 3  # one without a switch, one for each set of switches


def test_a_switched_sum_is_skipped():
    text = kernel(moments)
    assert re.search(r"if a != zero:\n +for c in range", text)
    assert re.search(r"if a != zero or b != zero:\n +for c in range", text)


def test_a_sum_within_a_function_is_not_skipped():
    @loss
    def norm(x: Prediction[C], a: Parameter = 1):
        """A loss."""
        return a * sqrt(Sum(x[c] ** 2, c))

    assert "if a != zero:" not in kernel(norm)


def test_the_softmax_keeps_its_exponentials_for_the_gradient():
    text = kernel(smoothed)
    loops = text[text.index("if grad_x is not None:\n                for k") :]
    assert "share" in loops and text.count("share = exp_below(") == 1
    assert "exp_below" not in loops[: loops.index("grad_x_row[y_i]")]


def test_nothing_is_read_out_of_its_scope():
    """Every name is assigned, on the lines before, in the same loop or one around it."""
    for made_up in (smoothed, moments, nested):
        for name in ("evaluate", "hvp", "hessian_diagonal"):
            check_scopes(ast.parse(kernel(made_up, name)).body[-1])


@loss
def nested(x: Prediction[C], t: Real[C], s: Positive = 1):
    """Loops in loops."""
    return Sum(log(Sum(exp((x[c] - x[j]) * t[c] / s), j)) ** 2, c) * Sum(MaxOver(x[c] * x[j], j), c)


w = Argument("w", Prediction[C])
WITHIN = {
    "in a loop over the same index": (
        Sum(w[c] * Sum(w[c] ** 2, c), c),
        lambda row: row.sum() * (row**2).sum(),
    ),
    "in a loop over another, in one over the same": (
        Sum(w[c] * sqrt(Sum(log(w[c] * w[j] + Sum(w[c] * w[j], c)) ** 2, j)) * log(2 + w[c]), c),
        lambda row: sum(a * np.sqrt(sum(np.log(a * b + b * row.sum()) ** 2 for b in row)) * np.log(2 + a) for a in row),
    ),
}


@pytest.mark.parametrize("value, meaning", WITHIN.values(), ids=WITHIN)
def test_a_sum_reads_its_own_positions_within_another_of_the_same_index(value, meaning):
    variant = Variant("", (w,), value, Integer(1), {}, (), {})
    lines = render_kernel(Program("evaluate", "", variant, value), StatementPrinter(widen=False)).lines
    row, found = np.array([0.3, 2.0, 1.1]), np.empty(1)
    names = {"real": float, "zero": 0.0, "one": 1.0, "add": float.__add__, "log": np.log, "sqrt": np.sqrt}
    given = {"w": row[None], "scale": 1.0, "item_scale": None, "first": 0, "last": 1, "bounds": [0, 1]}
    exec("\n".join(lines), {"np": np, "math": math, **names, **given, "values": found, "totals": [0.0], "faults": [0]})
    assert found[0] == pytest.approx(meaning(row), rel=1e-14)


def check_scopes(function: ast.FunctionDef) -> None:
    """A name that a loop's body makes may only be read in that loop, unless it was made before it."""

    def run(statements: list[ast.stmt], known: set[str]) -> set[str]:
        known = set(known)
        for node in statements:
            if isinstance(node, ast.For):
                read(node.iter, known)
                run(node.body, known | {node.target.id})
            elif isinstance(node, ast.If):
                read(node.test, known)
                known |= run(node.body, known) | run(node.orelse, known)
            else:
                read(node, known)
                known |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        return known

    def read(node: ast.AST, known: set[str]) -> None:
        for name in (n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)):
            assert name in known, f"{function.name}: {name} in line {node.lineno}"

    module = {
        "real",
        "integer",
        "zero",
        "one",
        "np",
        "math",
        "range",
        "min",
        "abs",
        "add",
        "TINY",
        "BLOCK",
        *library("float32").names,
        *library("float64").names,
    }
    run(function.body, module | {a.arg for a in function.args.args})


# Names.


def test_names_that_kernels_use_are_replaced_and_others_kept():
    assert free_names(["input", "target", "alpha"], [C]) == {"input": "input", "target": "target", "alpha": "alpha"}
    chosen = free_names(["x", "x_row", "power", "C", "n_C", "grad_x", "values"], [C])
    assert chosen["x"] == "x" and all(new != old for old, new in chosen.items() if old != "x")
    families = [family(name) for name in chosen.values()]
    assert all(not a & b for i, a in enumerate(families) for b in families[:i])


# Constants and bytes.


@loss
def constants(x: Prediction, t: Unit):
    """Numbers of every kind."""
    return 0.3 * log(1 + exp(2 * x - 1.5)) ** 3 + 1e-8 * t * x**4 / 3


@pytest.mark.parametrize("made_up", [constants, smoothed, nested])
def test_no_bare_constant_in_a_float32_kernel(made_up):
    """0.0 starts the totals, which are doubles; every other number is wrapped in the kernel's type."""
    tree = ast.parse(render_module(made_up, made_up.variants[0], "float32", "somewhere.py"))
    wrapped = {
        id(n) for call in ast.walk(tree) if isinstance(call, ast.Call) for arg in call.args for n in ast.walk(arg)
    }
    bare = [
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, float) and id(n) not in wrapped
    ]
    assert set(bare) <= {0.0}


def test_the_element_loop_of_a_float32_kernel_stays_in_float32(tmp_path):
    rendered = Rendered(constants, tmp_path, dtype="float32")
    rendered("evaluate", {"x": np.ones(8), "t": np.ones(8)})
    (signature,) = rendered.module.evaluate.signatures
    text = rendered.module.evaluate.inspect_llvm(signature)
    widened = re.findall(r"fpext (?:<\d+ x )?float", text)
    assert "fmul" in text and all(w.endswith("fpext float") for w in widened), (
        widened
    )  # the totals of the blocks, not vectors


DIGEST = """
import hashlib, sys
sys.path[:0] = [{tests!r}, {kernel!r}]
import test_lowering
from lossgen.kernel import DTYPES, render_module
made_up = [test_lowering.smoothed, test_lowering.nested, test_lowering.constants]
text = "".join(render_module(l, v, d, "a.py") for l in made_up for v in l.variants for d in DTYPES)
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_bytes_for_any_hash_seed():
    folder = os.path.dirname(__file__)
    code = DIGEST.format(tests=os.path.dirname(folder), kernel=folder)
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "4711")
    }
    assert len(digests) == 1 and len(digests.pop()) == len(hashlib.sha256().hexdigest())


def test_the_value_is_derived_before_it_is_expanded():
    (variant,) = smoothed.variants
    assert not Derivation("smoothed", variant).value.has(group, log1p_unit, RestOfExponentials)
