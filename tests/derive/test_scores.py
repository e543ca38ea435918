"""What is derived of raw scores: links, models of the target, and which losses are none of raw scores."""

import pytest
from sympy import exp as symbolic_exp

from lossgen.derive import Derivation
from lossgen.derive.scores import find_scores, refusal
from lossgen.formula import (
    Abs,
    Amount,
    Axis,
    Binary,
    ClassIndex,
    Logit,
    Max,
    Prediction,
    Probability,
    Real,
    Sign,
    SpecError,
    Unit,
    Weight,
    exp,
    item,
    log,
    loss,
    sigmoid,
    softmax,
)

C = Axis("C")


@loss
def complementary(input: Prediction, target: Unit):
    """The complementary log-log link, which no role tells."""
    return target * -log(1 - exp(-exp(input))) + (1 - target) * exp(input)


@loss
def weighted(input: Logit, target: Unit, weight: Weight = 1):
    return -weight * (target * log(sigmoid(input)) + (1 - target) * log(1 - sigmoid(input)))


@loss
def sharpened(input: Logit, target: Binary):
    return -target * log(sigmoid(input)) ** 3 + (1 - target) * log(1 - sigmoid(input)) ** 2


@loss
def squared_log(input: Prediction, target: Amount):
    return exp(2 * input) / 2 - target * exp(input)


@loss
def distance(input: Prediction, target: Real):
    return Abs(input - target) ** 3


@loss
def relative(input: Prediction, target: Amount):
    return (input - target) ** 4 * target


@loss
def hinge(input: Prediction, target: Sign):
    return Max(0, 1 - target * input)


@loss
def classes(input: Logit[C], target: ClassIndex[C]):
    return -log(softmax(input, target))


def scores(of):
    return find_scores(Derivation(of.name, of.variants[0]))


@pytest.mark.parametrize(
    "of, link, expectation, steady, flat",
    [
        (weighted, "sigmoid", "two values", True, False),
        (sharpened, "sigmoid", "two values", False, False),
        (distance, None, "error", False, False),
        (relative, None, "", False, False),
        (hinge, None, "", False, True),
        (classes, "softmax", "itself", True, False),
    ],
)
def test_what_is_known_of_scores(of, link, expectation, steady, flat):
    found = scores(of)
    assert (found.link, found.expectation, found.steady, found.flat) == (link, expectation, steady, flat)


def test_links_that_no_role_tells():
    found = scores(squared_log)
    assert found.link == symbolic_exp(squared_log.variants[0].predictions[0]) and found.expectation == "mean"
    found = scores(complementary)
    x = complementary.variants[0].predictions[0]
    assert found.expectation == "mean"
    for at in (-3.0, -0.2, 1.0):
        expected = 1 - symbolic_exp(-symbolic_exp(at))
        assert float(found.link.subs(x, at)) == pytest.approx(float(expected), rel=1e-9)


@loss
def probability(input: Probability, target: Unit):
    return (input - target) ** 2


@loss
def two(input: Prediction, other: Prediction, target: Real):
    return (input - other - target) ** 2


@loss
def free(input: Prediction):
    return exp(input)


@loss
def numbered(input: Logit[C], target: ClassIndex[C]):
    return input[item] - input[target]


@loss
def batches(real: Logit.of("real"), fake: Logit.of("fake")):
    return exp(-real) + exp(fake)


@pytest.mark.parametrize(
    "of, words",
    [
        (probability, "a loss whose input is a predicted probability in [0, 1], and not a raw score"),
        (two, "a loss of 2 predictions (input, other)"),
        (free, "without a target"),
        (numbered, "a loss that reads the number of an item in its batch"),
        (batches, "a loss over several batches (real, fake)"),
    ],
)
def test_why_a_loss_is_none_of_raw_scores(of, words):
    assert refusal(of.variants[0]) == words
    with pytest.raises(SpecError, match=f"^{of.name}: "):
        find_scores(Derivation(of.name, of.variants[0]))
