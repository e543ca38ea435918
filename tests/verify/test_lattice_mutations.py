"""A mistake put into what is derived from a recurrence, or into its kernels, is found by counting alignments one by one.

The kernels stay plain Python: on inputs as small as these nothing else would be as quick.
"""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numba
import numpy as np
import pytest

import lossgen
from lossgen.derive.lattice import LatticeSweeps
from lossgen.derive.sweeps import Put, Write
from lossgen.derive.tangent import Tangent
from lossgen.formula.load import load_losses
from lossgen.formula.paths import share
from lossgen.kernel import lattice_layout, render_module

sys.path.append(str(Path(__file__).parent.parent / "losses"))
from lattice_references import ctc, ctc_in_50_digits

SPEC = Path(lossgen.__file__).parent.parent / "spec"
SEED = 9
LABELS = (1, 2, 2)


@cache
def ctc_loss():
    return load_losses(SPEC)["ctc_loss"]


def run(text, kernel, x, direction=None, scale=1.0):
    """The kernel for one item with these labels: its value and its gradient, or the product with the direction."""
    scope = {"__name__": "mutant"}
    exec(compile(text, "mutant.py", "exec"), scope)
    frames, classes = x.shape
    grid, out = (lambda a: (np.ascontiguousarray(a), (1, 1))), np.full(x.shape, np.nan)
    labels = np.array(LABELS), np.zeros(1, np.int64)
    lengths = np.array([frames]), np.array([len(LABELS)])
    values, totals, faults = np.empty(1), np.empty(1), np.empty(1, np.int64)
    directions = () if direction is None else (grid(direction),)
    with np.errstate(all="ignore"):
        scope[kernel](
            *(0, 1, np.array([0, 1]), grid(x), labels, *lengths, 0, frames, classes, len(LABELS), *directions),
            *(scale, None, values, totals, faults, grid(out)),
        )
    return values[0], out


def is_right(text_of):
    """Whether value, gradient and product agree with the alignments."""
    rng = np.random.default_rng(SEED)
    x, v = rng.normal(size=(2, 6, 3))
    step = 1e-5
    value, slope = ctc(x, LABELS)
    product = (ctc(x + step * v, LABELS)[1] - ctc(x - step * v, LABELS)[1]) / (2 * step)
    try:
        found, found_slope = run(text_of(), "evaluate", x)
        _, found_product = run(text_of(), "hvp", x, v)
    except (IndexError, ValueError):  # rows of other lengths than the loops expect
        return False
    pairs = (found, value, 1e-10), (found_slope, slope, 1e-10), (found_product, product, 1e-6)
    return all(np.allclose(a, b, rtol=error, atol=error) for a, b, error in pairs)


def text_of():
    a_loss = ctc_loss()
    return render_module(a_loss, a_loss.variants[0], "float64", "mutant.py")


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)


def test_without_a_mistake_nothing_is_found():
    assert is_right(text_of)


def sign_of_the_adjoint(patch):
    right = LatticeSweeps._gathered
    patch.setattr(LatticeSweeps, "_gathered", lambda self, *given: -right(self, *given))


def offsets_not_negated(patch):
    right = LatticeSweeps.down.fget

    def down(self):
        found = right(self)
        mirrored = {i + n: i - n for i in self.table.indices for n in (1, 2)}
        return replace(found, value=found.value.xreplace(mirrored))

    patch.setattr(LatticeSweeps, "down", property(down))


def order_of_the_adjoint(patch):
    right = LatticeSweeps.down.fget
    patch.setattr(LatticeSweeps, "down", property(lambda self: replace(right(self), reverse=False)))


def a_share_without_its_sum(patch):
    patch.setattr(share, "fdiff", lambda self, argindex=1: self if argindex == 1 else 0 * self)


def one_margin_for_all(patch):
    right = lattice_layout._margins

    def narrow(*given):
        found = right(*given)
        return replace(found, before=tuple(1 for _ in found.before))

    patch.setattr(lattice_layout, "_margins", narrow)


def ends_that_do_not_move(patch):
    right = Tangent.__call__

    def call(self, sweeps):
        found = right(self, sweeps)
        kept = [s for s in found.after if not (isinstance(s, Put) and s.table.name.endswith("_along"))]
        return replace(found, after=tuple(kept))

    patch.setattr(Tangent, "__call__", call)


def one_output_step_less(patch):
    right = LatticeSweeps.writes
    patch.setattr(
        LatticeSweeps, "writes", lambda self, argument: [w for w in right(self, argument) if not isinstance(w, Write)]
    )


MISTAKES = (
    sign_of_the_adjoint,
    offsets_not_negated,
    order_of_the_adjoint,
    a_share_without_its_sum,
    one_margin_for_all,
    ends_that_do_not_move,
    one_output_step_less,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda f: f.__name__)
def test_a_mistake_in_the_compiler_is_found(mistake, monkeypatch):
    mistake(monkeypatch)
    assert not is_right(text_of)


FORMULA = {
    "repeats that skip the blank between them": (
        "Or(Eq(label(s), blank), Eq(label(s), label(s - 2)))",
        "Eq(label(s), blank)",
    ),
    "no skips": ("skip = Piecewise((0, same), (alpha[t - 1, s - 2], True))", "skip = 0"),
    "one end": (" + alpha[T.size - 1, S.size - 2]", ""),
    "one beginning": ("Piecewise((y, s < 2), (0, True))", "Piecewise((y, s < 1), (0, True))"),
    "labels moved by one": ("targets[(s - 1) / 2]", "targets[(s + 1) / 2]"),
}


@pytest.mark.parametrize("name", FORMULA)
def test_a_mistake_in_the_formula_is_found(name, tmp_path):
    right, wrong = FORMULA[name]
    formula = (SPEC / "sequence" / "ctc.py").read_text()
    assert right in formula
    (tmp_path / "ctc.py").write_text(formula.replace(right, wrong))
    a_loss = load_losses(tmp_path)["ctc_loss"]
    assert not is_right(lambda: render_module(a_loss, a_loss.variants[0], "float64", "mutant.py"))


#: Log-probabilities of labels less by so much in every frame, and the upstream gradient: an item in plain numbers, one in
#: path numbers since its cells leave the range, one since its derivatives would.
FORMS = {"plain": (0.0, 1.0), "out of range": (300.0, 1.0), "large derivatives": (130.0, 1e200)}

#: Text of the kernels, a mistake in its place, and the items that it makes wrong.
SLIPS = {
    "a row's scale is not taken": ("scaled_product(up * ", "scaled_product(", "plain"),
    "exponents with the other sign": ("shift = shift + taken", "shift = shift - taken", "plain"),
    "rates with the other sign": ("] = scaled_quotient(", "] = -scaled_quotient(", "plain"),
    "what leaves the range is lost": ("NAN if (p < LEAST_CELL) & (low > real(0.0)) else p", "p", "out of range"),
    "tables are not emptied anew": (
        "if not fits:\n" + 16 * " " + "clear_around_alpha_2(alpha",
        "if not fits:\n" + 16 * " " + "clear_around_alpha_2(alpha.copy()",
        "out of range",
    ),
    "any factor fits": ("fits = fits_factor(factor)", "fits = True", "large derivatives"),
}


def is_right_in(form, text):
    """Whether value and gradient of the item agree with the alignments."""
    less, scale = FORMS[form]
    x = np.random.default_rng(SEED).normal(size=(6, 3))
    x[:, 1:] -= less
    value, slope = ctc_in_50_digits(x, LABELS)
    found, found_slope = run(text, "evaluate", x, scale=scale)
    return np.isclose(found, value, rtol=1e-10) and np.allclose(found_slope / scale, slope, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_right(form):
    assert is_right_in(form, text_of())


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_in_either_form_is_found(slip):
    text, (right, wrong, form) = text_of(), SLIPS[slip]
    assert right in text
    assert not is_right_in(form, text.replace(right, wrong))
