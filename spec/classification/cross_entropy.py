from sympy import Expr

from lossgen.formula import (
    Axis,
    ClassIndex,
    ClassWeight,
    Fraction,
    Logit,
    Simplex,
    Sum,
    is_label,
    log,
    loss,
    softmax,
)

C = Axis("C")
c = C.index()


def weight_of_target(target: Expr, weight: Expr) -> Expr | int:
    """What an item counts in the mean: the weight of its class; 1 where the target is a distribution over the classes."""
    return weight[target] if is_label(target) else 1


@loss(
    paper="Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs",
    normalizer=weight_of_target,
    positional=("input", "target", "weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing"),
)
def cross_entropy(
    input: Logit[C], target: ClassIndex[C] | Simplex[C], weight: ClassWeight[C] = 1, label_smoothing: Fraction = 0
):
    """The negative log-likelihood of a class, or of a distribution over classes, under the softmax of logits.

    Use it for several classes that exclude each other, such as digit recognition.
    Strength: all classes at once, with a probabilistic reading. Weakness: class imbalance, unless weighted.
    With class indices, `mean` divides by the sum of the items' class weights; with class probabilities by the number of
    items (PyTorch's two conventions). Smoothing mixes the target with the uniform distribution over the classes.
    """
    q = (1 - label_smoothing) * target[c] + label_smoothing / C.size
    return -Sum(weight[c] * q * log(softmax(input, c)), c)
