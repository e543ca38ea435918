from lossgen.formula import Max, Parameter, Piecewise, Prediction, Sign, loss


@loss(paper="Cortes and Vapnik 1995, Support-Vector Networks, Machine Learning 20, eq. 21–23")
def hinge_loss(input: Prediction, target: Sign):
    """How far a score falls short of a margin of 1 on the side of its label, −1 or 1.

    Use it for two classes where a maximal margin is wanted, as in support vector machines.
    Strength: right answers beyond the margin count nothing. Weakness: scores are not probabilities; a corner at the margin,
    where the slope is 0.
    """
    return Max(0, 1 - target * input)


@loss(paper="Lee and Mangasarian 2001, SSVM: A Smooth Support Vector Machine, eq. 3")
def squared_hinge_loss(input: Prediction, target: Sign):
    """The square of the hinge loss, for a label of −1 or 1.

    Use it like the hinge loss, where a gradient without jumps is wanted.
    Strength: smooth at the margin. Weakness: sensitive to outliers, since squares grow fast.
    """
    return hinge_loss(input, target) ** 2


@loss(
    paper="Chopra, Hadsell and LeCun 2005, Learning a Similarity Metric Discriminatively, eq. 8, with linear terms",
    positional=("input", "target", "margin", "size_average", "reduce", "reduction"),
)
def hinge_embedding_loss(input: Prediction, target: Sign, margin: Parameter = 1):
    """A distance that is to be small for similar pairs (1) and at least a margin for dissimilar ones (−1).

    Use it for semi-supervised learning and nonlinear embeddings, on distances of pairs.
    Strength: pairs that are far enough apart count nothing. Weakness: the margin must fit the scale of the distances.
    A target other than −1 and 1 is an error; PyTorch adds both cases up. At the margin the slope is that below it, as in PyTorch.
    """
    gap = margin - input
    return Piecewise((input, target > 0), (0, gap < 0), (gap, True))


@loss(
    paper="Herbrich, Graepel and Obermayer 1999, Support Vector Learning for Ordinal Regression",
    positional=("input1", "input2", "target", "margin", "size_average", "reduce", "reduction"),
)
def margin_ranking_loss(input1: Prediction, input2: Prediction, target: Sign, margin: Parameter = 0):
    """How far the first score falls short of ranking above the second (1), or below it (−1), by a margin.

    Use it for learning to rank from pairs.
    Strength: only the order of scores matters. Weakness: pairs ranked well enough teach nothing; the margin must be chosen.
    A target other than −1 and 1 is an error. At the corner the slope is that of a pair that falls short, as in PyTorch: equal
    scores are pulled apart.
    """
    shortfall = margin - target * (input1 - input2)
    return Piecewise((0, shortfall < 0), (shortfall, True))
