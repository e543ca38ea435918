from lossgen.formula import Axis, Eq, LabelList, Logit, Max, Piecewise, Sum, loss

C = Axis("C")
i, j = C.index("i"), C.index("j")


@loss(
    paper="Crammer and Singer 2003, A Family of Additive Online Algorithms for Category Ranking, JMLR 3, eq. 2 (summed)",
    module="MultiLabelMarginLoss",
    positional=("input", "target", "size_average", "reduce", "reduction"),
)
def multilabel_margin_loss(input: Logit[C], target: LabelList[C]):
    """The hinge loss of every pair of a right and a wrong class: each right class should lie 1 above every wrong one.

    Use it for items with several right classes whose order against the others counts, such as suggested tags.
    Strength: ranks, with no threshold to choose. Weakness: no probabilistic reading; costs right × wrong classes.
    A row of `target` lists the right classes and ends with its first −1; a class that is listed twice counts twice, as in
    PyTorch. At a kink the gradient is 0. The mean of no items is NaN, where PyTorch's is whatever memory held.
    """
    violation = Max(0, 1 - (input[j] - input[i]))
    of_wrong_classes = Sum(Piecewise((violation, Eq(target[i], 0)), (0, True)), i)
    return Sum(target[j] * of_wrong_classes, j) / C.size
