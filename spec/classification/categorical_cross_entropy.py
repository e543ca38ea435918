from lossgen.formula import Axis, Probability, Simplex, Sum, log, loss

C = Axis("C")
c = C.index()


@loss(paper="Good 1952, Rational Decisions")
def categorical_cross_entropy(input: Probability[C], target: Simplex[C]):
    """The cross entropy of probabilities that the model computes itself, against one-hot or soft targets.

    Use it for several classes that exclude each other, such as digit recognition, where the model ends in a softmax;
    `cross_entropy` takes logits and keeps more digits. Strength: several classes at once.
    Weakness: one-hot (or soft) targets; class imbalance.
    Rows need not sum to 1 and are taken as they are. A class of target 0 counts nothing, also at a probability of 0.
    """
    return -Sum(target[c] * log(input[c]), c)
