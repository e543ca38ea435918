from lossgen.formula import Axis, Binary, Max, Positive, Prediction, Sum, loss, sqrt

D = Axis("D", place="last")
d = D.index()


@loss(paper="Hadsell, Chopra and LeCun 2006, Dimensionality Reduction by Learning an Invariant Mapping, eq. 4")
def contrastive_loss(input1: Prediction[D], input2: Prediction[D], target: Binary, margin: Positive = 1):
    """Pulls similar pairs (target 0) together and pushes dissimilar pairs (target 1) apart, up to a margin.

    Use it to learn embeddings from pairs, such as signatures or faces that match or do not.
    Strength: needs no classes, only pairs. Weakness: the margin and the mix of pairs must be chosen.
    The labels are the paper's: 0 for a similar pair, 1 for a dissimilar one; some libraries use the opposite.
    The gradient of a dissimilar pair at distance 0, where it has no direction, is 0.
    """
    distance = sqrt(Sum((input1[d] - input2[d]) ** 2, d))
    return (1 - target) * distance**2 / 2 + target * Max(0, margin - distance) ** 2 / 2
