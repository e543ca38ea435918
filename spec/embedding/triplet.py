from math import inf

from lossgen.formula import Abs, Axis, Flag, Max, MaxOver, Option, Parameter, Positive, Prediction, Sum, loss

D = Axis("D", place="last")
d = D.index()


@loss(
    paper="Balntas et al. 2016, Learning Local Feature Descriptors with Triplets and Shallow Convolutional Networks",
    positional=("anchor", "positive", "negative", "margin", "p", "eps", "swap", "size_average", "reduce", "reduction"),
)
def triplet_margin_loss(
    anchor: Prediction[D],
    positive: Prediction[D],
    negative: Prediction[D],
    margin: Parameter = 1,
    p: Option(1, 2, inf, other=Positive) = 2,
    eps: Parameter = 1e-6,
    swap: Flag = False,
):
    """Asks that an anchor be closer to a positive than to a negative example, by a margin.

    Use it to learn embeddings from triplets, such as two images of one person and one of another.
    Strength: learns an order of distances, no classes needed. Weakness: most triplets are easy, so that they must be mined.
    Distances are p-norms over the last dimension, for p = inf the largest difference; as in PyTorch, eps is added to each
    coordinate's difference. With `swap` the negative is compared with the nearer one of anchor and positive. Where a distance
    is 0 its gradient is 0; differences that tie for the largest share it.
    PyTorch's variant that takes a function for the distance is not offered: a formula cannot see into it.
    """

    def distance(x, y):
        gap = Abs(x[d] - y[d] + eps)
        return MaxOver(gap, d) if p == inf else Sum(gap**p, d) ** (1 / p)

    to_positive = distance(anchor, positive)
    value = Max(0, margin + to_positive - distance(anchor, negative))
    return Max(value, margin + to_positive - distance(positive, negative)) if swap else value
