"""A mistake put into the compiler turns the checks red, wherever it is: they are known to be able to."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from mutants import change, drop, findings, fired, hurry, kernels

import lossgen
from lossgen import generated
from lossgen.derive import rules
from lossgen.derive.rules import LAST, PROTECTION, STABLE
from lossgen.formula import Axis, ClassIndex, Logit, LogSumExp, Loss, Simplex, SpecError, Sum, exp, log, loss, softmax
from lossgen.formula.load import load_losses
from lossgen.kernel import cpu, expand
from lossgen.runtime import LossError
from lossgen.verify import sampling
from lossgen.verify.check import check_loss

SPEC = Path(lossgen.__file__).parent.parent / "spec"
HERE = Path(__file__).parent
C = Axis("C")
c = C.index()


@loss
def item_loss(input: Logit):
    """A number for each item; without its rules it overflows."""
    return -log(1 / (1 + exp(-input)))


@loss
def row_loss(input: Logit[C], target: ClassIndex[C]):
    """A row for each item, whose own class has a gradient of another form; without its rules that is 0 where confident."""
    return -log(softmax(input, target))


@loss
def shifted_loss(input: Logit[C], target: ClassIndex[C]):
    """The same in one logarithm."""
    return LogSumExp(input[c] - input[target], c)


@loss
def square_loss(input: Logit[C], target: Simplex[C]):
    """Probabilities against probabilities."""
    return Sum((softmax(input, c) - target[c]) ** 2, c)


def negated(results):
    return tuple(replace(r, generic=-r.generic) for r in results)


def negated_at_label(results):
    return tuple(replace(r, at_label=-r.at_label) for r in results)


def negated_products(curvature):
    return lambda wrt: replace(curvature(wrt), products=negated(curvature(wrt).products))


#: What is changed: the loss, the quantity, the change, and the kind of figure that has to show it.
SIGNS = {
    "gradient of an item": (item_loss, "gradient", negated, "gradient"),
    "gradient of a label's own entry": (row_loss, "gradient", negated_at_label, "gradient"),
    "value of an item": (item_loss, "value", lambda value: -value, "value"),
    "Hessian's product of a row": (row_loss, "curvature", negated_products, "product"),
    "Hessian's diagonal of an item": (item_loss, "hessian_diagonal", negated, "diagonal"),
}
QUICK = ("gradient of an item", "gradient of a label's own entry")

#: Rules that no loss of the catalogue needs, with a loss that does.
OWN = {
    rules.reciprocal_of_one_plus_exp: item_loss,
    rules.logsumexp_shift: shifted_loss,
    rules.split_exponential: square_loss,
}
#: What keeps more digits than the checks ask for, since moving the inputs by a rounding costs as many.
BEYOND = {
    "opposing_fractions": "a slope near its zero",
    "log_difference": "an error near zero",
    "sum_of_inputs": "a margin that is nearly met",
}
#: Rules that are missed only where a power of what the other classes share leaves the range: the lead of a class that shows it.
GAP = {rules.power_times_expm1: 60.0}
#: Rules without which nothing is lost but time: what the kernels then compute besides.
WORK = {
    rules.canonical_index: "the same sum under another name of its index, once more",
    rules.softplus_difference: "two logarithms; the parts of both that cancel do so exactly",
    rules.release_finite: "a select around what is finite",
    rules.split_exponential: "a sum over the classes for each class",
    rules.sum_of_constant: "a loop over what is the same for each class",
    rules.factor_out_of_sum: "a factor in each term, and what of the sums is then not shared",
    rules.power_of_positive_atom: "two more powers; only between 1e-38 and 1e-45 have they fewer digits",
}

#: Forms that kernels give to what would cancel or leave the range: the module that uses it, its name there, what is put in its place.
FORMS = {
    "the mean under a softmax, from its largest entry": (expand, "centred", lambda *_: None),
    "a log-sum-exp above an entry": (expand, "shifted", lambda *_: None),
    "shares of a softmax": (expand, "exponential_over_sum", lambda *_: None),
    "sums of three and four inputs": (expand, "sum_of_inputs", lambda *_: None),
    "the difference of two inputs": (expand, "_inputs_first", lambda *_: None),
    "quotients of powers": (expand, "quotients", list),
    "double precision for functions in exponents": (cpu, "has_curved_exponents", lambda _: False),
    "double precision for lengths": (cpu, "measures_lengths", lambda _: False),
}


@pytest.mark.parametrize("case", [pytest.param(n, marks=() if n in QUICK else pytest.mark.fuzz) for n in SIGNS])
def test_a_flipped_sign_is_found_where_it_is(case, monkeypatch, tmp_path):
    a_loss, quantity, changed, kind = SIGNS[case]
    change(monkeypatch, quantity, changed)
    folder = tmp_path / f"sign_of_{quantity}_{a_loss.name}"
    wrong = next(f for f in findings(a_loss, kernels(a_loss, HERE), folder) if not f.passed)
    assert wrong.figure.kind == kind, wrong


def test_a_missing_rule_is_found(monkeypatch, tmp_path):
    rule = rules.reciprocal_of_one_plus_exp
    drop(monkeypatch, rule)
    found = findings(item_loss, kernels(item_loss, HERE), tmp_path / f"item_loss_no_{rule.__name__}")
    assert any(not f.passed for f in found)


@pytest.mark.parametrize("a_loss", [item_loss, row_loss], ids=lambda a_loss: a_loss.name)
def test_without_a_mistake_nothing_is_found(a_loss, tmp_path):
    found = list(findings(a_loss, kernels(a_loss, HERE), tmp_path / f"right_{a_loss.name}"))
    assert found and all(f.passed for f in found)


@pytest.mark.fuzz
@pytest.mark.parametrize("rule", [*PROTECTION, *STABLE], ids=lambda rule: rule.__name__)
def test_no_rule_can_be_missing(rule, monkeypatch, tmp_path):
    """A loss fails its check without the rule; or, where the table says so, has fewer digits, or more work."""

    def take_out(patch):
        drop(patch, rule)

    if rule in GAP:
        monkeypatch.setattr(sampling, "GAPS", (*sampling.GAPS, GAP[rule]))
    if rule in WORK:
        pairs = (_with_and_without(x, take_out, monkeypatch) for x in _concerned(rule))
        assert any(wrong is None or len(str(wrong)) > len(str(right)) for right, wrong in pairs)
    else:
        assert any(_is_worse(x, take_out, rule.__name__, monkeypatch, tmp_path) for x in _concerned(rule))


@pytest.mark.fuzz
@pytest.mark.parametrize("form", FORMS)
def test_no_form_of_the_kernels_can_be_missing(form, monkeypatch, tmp_path):
    """The same where kernels compute what has the form as it stands."""
    module, name, instead = FORMS[form]

    def take_out(patch):
        patch.setattr(module, name, instead)

    assert any(_is_worse(x, take_out, name, monkeypatch, tmp_path) for x in _catalogue())


@pytest.mark.fuzz
@pytest.mark.parametrize("rule", LAST, ids=lambda rule: rule.__name__)
def test_no_rule_that_comes_last_could_come_before(rule, monkeypatch):
    """Kernels compute more where what is differentiated once more has its form."""
    losses = _concerned(rule)
    right = [len(str(kernels(x, SPEC))) for x in losses]
    hurry(monkeypatch, rule)
    assert any(len(str(kernels(x, SPEC))) > length for x, length in zip(losses, right, strict=True))


@cache
def _catalogue() -> Mapping[Loss, set[str]]:
    """The losses, those with little to derive first, and the rules that take part."""
    losses = load_losses(SPEC).values()
    return {a_loss: fired(a_loss) for a_loss in sorted(losses, key=lambda x: len(str(x.variants)))}


def _concerned(rule) -> list[Loss]:
    return [OWN[rule]] if rule in OWN else [x for x, names in _catalogue().items() if rule.__name__ in names]


def _with_and_without(a_loss, take_out, monkeypatch):
    """The kernels of a loss, and those without what is taken out: None where a part of the formula is left that none computes."""
    spec = HERE if a_loss in OWN.values() else SPEC
    right = kernels(a_loss, spec)
    with monkeypatch.context() as patch:
        take_out(patch)
        try:
            return right, kernels(a_loss, spec)
        except SpecError:
            return right, None


def _is_worse(a_loss, take_out, name, monkeypatch, folder) -> bool:
    right, wrong = _with_and_without(a_loss, take_out, monkeypatch)
    if wrong is None or right == wrong:
        return wrong is None
    found = findings(a_loss, wrong, folder / f"{a_loss.name}_without_{name}")
    own = a_loss in OWN.values()
    expected = findings(a_loss, right, folder / f"{a_loss.name}_with_{name}") if own else check_loss(a_loss, generated)
    try:
        return any(_loses(f, g, name in BEYOND) for f, g in zip(found, expected, strict=True))
    except LossError:  # the kernels ask for an entry that the formula does not
        return True


def _loses(found, expected, beyond: bool) -> bool:
    if beyond:
        return found.figure.worst > expected.figure.worst or found.figure.moved > expected.figure.moved
    return expected.passed and not found.passed
