from lossgen.formula import Axis, Max, Parameter, Piecewise, Prediction, Sign, Sum, loss, ratio, sqrt

D = Axis("D", place="last")
d = D.index()


@loss(
    paper="Chopra, Hadsell and LeCun 2005, Learning a Similarity Metric Discriminatively, with the cosine as similarity",
    positional=("input1", "input2", "target", "margin", "size_average", "reduce", "reduction"),
)
def cosine_embedding_loss(input1: Prediction[D], input2: Prediction[D], target: Sign, margin: Parameter = 0):
    """1 − cos for pairs that belong together (target 1), max(0, cos − margin) for those that do not (target −1).

    Use it for embeddings whose direction carries the meaning, such as those of sentences and of faces.
    Strength: indifferent to the lengths of the vectors. Weakness: a margin to choose, and no signal from pairs beyond it.
    The last dimension is the embedding: (N, D) with targets (N,), or (D,) with a single target.
    The cosine with a vector of length 0 is 0, and so is its gradient. PyTorch adds 1e-12 to both squared lengths, which
    changes the cosine of short vectors and gives gradients of 1e6 at 0; this is the true cosine.
    """
    lengths = sqrt(Sum(input1[d] ** 2, d)) * sqrt(Sum(input2[d] ** 2, d))
    cosine = ratio(Sum(input1[d] * input2[d], d), lengths)
    return Piecewise((1 - cosine, target > 0), (Max(0, cosine - margin), True))
