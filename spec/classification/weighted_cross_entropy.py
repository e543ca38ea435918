from lossgen.formula import ClassIndex, ClassWeight, Logit, Simplex, loss

from .cross_entropy import C, cross_entropy, weight_of_target


@loss(
    paper="King and Zeng 2001, Logistic Regression in Rare Events Data",
    normalizer=weight_of_target,
)
def weighted_cross_entropy(input: Logit[C], target: ClassIndex[C] | Simplex[C], weight: ClassWeight[C]):
    """Cross entropy with a weight for each class: `cross_entropy` where the weights must be given.

    Use it for imbalanced classes. Strength: less bias to the majority. Weakness: weights must be chosen.
    With class indices, `mean` divides by the sum of the items' class weights; with class probabilities by the number of
    items (PyTorch's two conventions).
    """
    return cross_entropy(input, target, weight)
