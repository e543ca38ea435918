from lossgen.formula import Logit, Unit, Weight, log, loss, sigmoid


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
