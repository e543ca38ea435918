from lossgen.formula import Axis, Probability, Simplex, Sum, loss, xlogy

C = Axis("C")
c = C.index()


@loss(
    paper="Lin 1991, Divergence Measures Based on the Shannon Entropy, IEEE Trans. Inf. Theory 37(1), eq. 4.1 at π = ½"
)
def jensen_shannon_loss(input: Probability[C], target: Simplex[C]):
    """The Jensen–Shannon divergence of two distributions over classes: their mean divergence from their mean, in nats.

    Use it to compare distributions that may have zeros in different places.
    Strength: symmetric, never above log 2. Weakness: nearly flat, and so little to learn from, where they hardly overlap.
    Rows need not sum to exactly 1. Nearly equal distributions keep their digits. The slope in a class that the prediction
    gives probability 0 and the target does not is −∞.
    """
    mean = (input[c] + target[c]) / 2
    return Sum(xlogy(input[c], input[c] / mean) + xlogy(target[c], target[c] / mean), c) / 2
