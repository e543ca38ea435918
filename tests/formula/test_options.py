"""Flags and options: every value has a formula, and a variant, of its own."""

import pytest

from lossgen.formula import (
    Axis,
    ClassIndex,
    Flag,
    Logit,
    Option,
    Positive,
    Prediction,
    Real,
    Simplex,
    SpecError,
    Sum,
    Unit,
    is_label,
    loss,
)

C = Axis("C")
c = C.index()


def powers(input: Prediction, target: Real, p: Option(1, 2, other=Positive) = 2, halved: Flag = False):
    """Powers of the error."""
    error = (input - target) ** p
    return error / 2 if halved else error


def test_every_combination_is_a_variant():
    variants = {v.label: v for v in loss(powers).variants}
    assert list(variants) == ["p1", "p1_halved", "p2", "p2_halved", "p", "p_halved"]
    assert str(variants["p2_halved"].expression) == "(input - target)**2/2"
    assert str(variants["p1"].expression) == "input - target"
    assert [p.name for p in variants["p"].parameters] == ["p"] and variants["p2"].parameters == ()
    assert variants["p_halved"].options == {"p": None, "halved": True}


def test_a_role_may_depend_on_an_option():
    @loss
    def either(input: Logit, target: Unit.given(log_target=Real), log_target: Flag = False):
        """Two readings."""
        return input * target

    assert [v.arguments[1].role.name for v in either.variants] == ["Unit", "Real"]
    assert [v.label for v in either.variants] == ["", "log_target"]

    @loss
    def named(input: Logit, target: Unit.given(kind={"gauss": Real}), kind: Option("bernoulli", "gauss") = "gauss"):
        """Two readings by name."""
        return input * target

    assert [(v.label, v.arguments[1].role.name) for v in named.variants] == [("bernoulli", "Unit"), ("gauss", "Real")]


def test_options_and_roles_of_one_kind_or_another_multiply():
    @loss
    def both(input: Logit[C], target: ClassIndex[C] | Simplex[C], twice: Flag = False):
        """Four readings."""
        found = -input[target] if is_label(target) else -Sum(target[c] * input[c], c)
        return 2 * found if twice else found

    assert [v.label for v in both.variants] == ["indices", "probabilities", "indices_twice", "probabilities_twice"]
    assert str(both.variants[3].expression) == "-2*Sum(input[c]*target[c], c)"


def test_a_loss_used_in_another_takes_an_option():
    @loss
    def outer(input: Prediction, target: Real):
        """Half a square."""
        return loss(powers)(input, target, p=2, halved=True)

    assert str(outer.variants[0].expression) == "(input - target)**2/2"


@pytest.mark.parametrize(
    "annotation, default, words",
    [
        (Option(1, 2), 3, "the default of p is 3, expected 1 or 2"),
        (Option("a", "b"), "c", "the default of p is 'c', expected 'a' or 'b'"),
        (Option(2, other=Positive), -1, "the default of p is -1, expected a hyperparameter above 0"),
    ],
)
def test_a_wrong_default(annotation, default, words):
    def wrong(input: Prediction, p: annotation = default):
        """Wrong."""
        return input

    with pytest.raises(SpecError, match=f"wrong: {words}"):
        loss(wrong)


def test_an_option_without_a_default():
    def bare(input: Prediction, full: Flag):
        """Wrong."""
        return input

    with pytest.raises(SpecError, match="bare: hyperparameter full needs a default, False or True"):
        loss(bare)


def test_a_role_that_depends_on_nothing():
    @loss
    def lost(input: Logit, target: Unit.given(log_target=Real)):
        """Wrong."""
        return input * target

    with pytest.raises(SpecError, match="lost: argument target: the role depends on log_target, which is not a Flag"):
        assert not lost.variants


def test_options_are_numbers_or_names_that_differ():
    with pytest.raises(SpecError, match="expected different values"):
        Option(1, 1)
    with pytest.raises(SpecError, match="expected a role of numbers"):
        Option(1, other=Real)
