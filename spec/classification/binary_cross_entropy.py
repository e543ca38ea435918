from lossgen.formula import Logit, Max, Probability, Unit, Weight, log, loss, sigmoid


@loss(
    paper="Good 1952, Rational Decisions",
    module="BCELoss",
    positional=("input", "target", "weight", "size_average", "reduce", "reduction"),
)
def binary_cross_entropy(input: Probability, target: Unit, weight: Weight = 1):
    """The negative log-likelihood of a label in {0, 1}, or of a probability, under a predicted probability.

    Use it for two classes, such as spam detection, where the model gives probabilities; with logits
    `binary_cross_entropy_with_logits` keeps more digits. A prediction outside [0, 1] is an error.
    Strength: probabilistic reading; works on imbalanced data.
    Weakness: steep where a probability is near 0 or 1 and wrong.
    As in PyTorch no logarithm falls below −100, so that a label whose predicted probability is 0 costs 100, and 0·log 0 = 0.
    The gradient is that of this formula: a logarithm held at −100 adds nothing to it, where PyTorch gives ±1e12, and
    elsewhere it is exact, where PyTorch divides by p·(1 − p) or by 1e-12 if that is larger.
    """
    return -weight * (target * Max(log(input), -100) + (1 - target) * Max(log(1 - input), -100))


@loss(
    paper="Good 1952, Rational Decisions",
    module="BCEWithLogitsLoss",
    positional=("input", "target", "weight", "size_average", "reduce", "reduction", "pos_weight"),
)
def binary_cross_entropy_with_logits(input: Logit, target: Unit, weight: Weight = 1, pos_weight: Weight = 1):
    """The negative log-likelihood of a label in {0, 1}, or of a probability, under a logit.

    Use it for two classes, such as spam detection, and for several labels that do not exclude each other.
    Strength: probabilistic reading; works on imbalanced data, with `pos_weight` on the positive term.
    Weakness: steep where a prediction is confident and wrong.
    """
    p = sigmoid(input)
    return -weight * (pos_weight * target * log(p) + (1 - target) * log(1 - p))
