from lossgen.formula import Axis, ClassIndex, ClassWeight, Logit, Max, Option, Parameter, Sum, loss

C = Axis("C")
c = C.index()


@loss(
    paper="Weston and Watkins 1999, Support Vector Machines for Multi-Class Pattern Recognition",
    positional=("input", "target", "p", "margin", "weight", "size_average", "reduce", "reduction"),
)
def multi_margin_loss(
    input: Logit[C], target: ClassIndex[C], p: Option(1, 2) = 1, margin: Parameter = 1, weight: ClassWeight[C] = 1
):
    """The hinge loss over several classes: every wrong class that is not `margin` below the right one costs.

    Use it for several classes that exclude each other, where the decision counts and not its probability.
    Strength: items that are right by the margin have no influence. Weakness: no probabilistic reading; kinks (p=1).
    Weighted by the right class; `mean` divides by the number of items. At a kink the gradient is 0. Labels outside the classes
    are an error, but for `ignore_index`, which PyTorch's loss does not have; the mean of no items is NaN, where PyTorch's is
    whatever memory held.
    """
    violation = Max(0, margin - input[target] + input[c])
    return weight[target] * Sum((1 - target[c]) * violation**p, c) / C.size
