"""Losses over several batches: how a formula is split, and what is said where it cannot be."""

import pytest

from lossgen.formula import (
    Axis,
    ClassIndex,
    ClassWeight,
    Flag,
    Fraction,
    Logit,
    NonNegative,
    Parameter,
    Prediction,
    Real,
    Simplex,
    SpecError,
    Sum,
    is_label,
    log,
    loss,
    sigmoid,
    softmax,
)

C = Axis("C")
c = C.index()
A, B = Prediction.of("a"), Prediction.of("b")


def parts(declared):
    (variant,) = declared.variants
    return {batch: str(part.expression) for batch, part in variant.parts.items()}


def test_every_term_goes_to_the_batch_that_it_reads():
    @loss
    def discriminator(real: Logit.of("real"), fake: Logit.of("fake"), smoothing: Fraction = 0):
        """Tells them apart."""
        p, q = sigmoid(real), sigmoid(fake)
        return -(1 - smoothing) * log(p) - smoothing * log(1 - p) - log(1 - q)

    assert discriminator.batches == ("real", "fake")
    (variant,) = discriminator.variants
    real, fake = variant.pieces
    assert str(fake.expression) == "-log(1 - sigmoid(fake))" and str(fake.arguments) == "(fake,)"
    assert real.expression + fake.expression == variant.expression
    assert (real.label, fake.label) == ("real", "fake")
    assert (set(real.names), set(fake.names)) == ({"p"}, {"q"})
    assert [p.name for p in fake.parameters] == ["smoothing"]


def test_products_are_multiplied_out_only_where_they_must_be():
    @loss
    def weighed(x: A, y: B, w: NonNegative = 2):
        """A factor around terms of both."""
        return w * (x * (x + 1) + (y - 1) ** 2)

    assert parts(weighed) == {"a": "x*w*(x + 1)", "b": "w*(y - 1)**2"}


def test_constants_go_to_the_first_batch():
    @loss
    def shifted(x: A, y: B, w: NonNegative = 2):
        """Two constants."""
        return w + y - x + 3

    assert parts(shifted) == {"a": "-x + w + 3", "b": "y"}


def test_a_loss_of_one_batch_has_no_parts():
    @loss
    def plain(input: Prediction, target: Real):
        """The squared error."""
        return (input - target) ** 2

    assert plain.batches == () and plain.parts == {} and plain.pieces == plain.variants
    assert plain.variants[0].pieces == plain.variants


def test_variants_and_normalizers_of_batches():
    @loss(normalizer=lambda target, weight: weight[target] if is_label(target) else 1)
    def mixed(
        x: Logit[C].of("a"),
        y: B,
        target: ClassIndex[C].of("a") | Simplex[C].of("a"),
        weight: ClassWeight[C].of("a") = 1,
        square: Flag = False,
    ):
        """Classes in one batch, numbers in the other."""
        of_a = weight[target] * log(softmax(x, target)) if is_label(target) else Sum(target[c] * log(softmax(x, c)), c)
        return (y**2 if square else y) - of_a

    assert [v.label for v in mixed.parts["a"]] == [
        "indices_a",
        "probabilities_a",
        "indices_square_a",
        "probabilities_square_a",
    ]
    assert [v.label for v in mixed.parts["b"]] == [
        "indices_b",
        "indices_square_b",
    ]  # the target's role does not matter here
    assert [str(v.expression) for v in mixed.parts["b"]] == ["y", "y**2"]
    assert [str(v.normalizer) for v in mixed.parts["a"]] == ["weight[target]", "1"] * 2
    assert {str(v.normalizer) for v in mixed.parts["b"]} == {"1"}
    assert len(mixed.pieces) == 6


def test_one_loss_inside_another():
    @loss
    def square(input: Prediction, target: Real):
        """The squared error."""
        return (input - target) ** 2

    @loss
    def both(x: A, y: B):
        """Half the squared distances to 1 and 0."""
        return (square(x, 1) + square(y, 0)) / 2

    assert parts(both) == {"a": "(x - 1)**2/2", "b": "y**2/2"}


def bad(function):
    return lambda: loss(function).variants


def mixed_term(x: A, y: B):
    return x + log(x * y) + y


def mixed_product(x: A, y: B):
    return (x - 1) * (y + 1)


def unread(x: A, y: B):
    return x**2


def without(x: A, y: Prediction):
    return x + y


def single(x: A, y: Real.of("a")):
    return x + y


def torn(x: A, y: B, z: Real.of("a") | Real.of("b")):
    return x + y + z


def half(x: A, y: B, z: Real | Real.of("b")):
    return x + y + z


def untrained(x: A, y: Real.of("b")):
    return x + y


@pytest.mark.parametrize(
    "attempt, words",
    [
        (bad(mixed_term), r"mixed_term: the term log\(x\*y\) reads batches a and b, which may differ in size"),
        (bad(mixed_product), r"mixed_product: the term x\*y reads batches a and b"),
        (bad(unread), "unread: no term of the formula reads batch b"),
        (bad(without), r"without: argument y is of no batch; say which, as in Prediction.of\(…\)"),
        (bad(single), r"single: 'a' is the only batch; leave .of\('a'\) out"),
        (bad(torn), "torn: the roles of argument z are of batches a and b, expected one batch"),
        (bad(half), "half: the roles of argument z are of batches b and none, expected one batch"),
        (bad(untrained), "untrained: batch b has no prediction, so that nothing in it is to be trained"),
        (lambda: Parameter.of("a"), r"Parameter.of\('a'\): a hyperparameter belongs to no batch"),
        (lambda: Logit[C].of("two words"), r"Logit\[C\].of\('two words'\): expected a name that Python allows"),
        (lambda: Logit.of("class"), r"Logit.of\('class'\): expected a name"),
        (lambda: Logit.of(C), "expected a name that Python allows for a variable, such as real"),
    ],
)
def test_what_cannot_be_is_one_line(attempt, words):
    with pytest.raises(SpecError, match=words) as caught:
        attempt()
    assert "\n" not in str(caught.value)


def test_a_normalizer_may_not_read_several_batches():
    @loss(normalizer=lambda x, y: x + y)
    def counted(x: A, y: B):
        """A sum."""
        return x + y

    with pytest.raises(SpecError, match="counted: the normalizer reads batches a and b, expected one"):
        _ = counted.variants
