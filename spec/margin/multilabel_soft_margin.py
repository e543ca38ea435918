from lossgen.formula import Axis, ClassWeight, EntryWeight, Logit, Sum, Unit, loss

from ..classification.binary_cross_entropy import binary_cross_entropy_with_logits

C = Axis("C", place="last")
c = C.index()


@loss(
    paper="Nam et al. 2014, Large-scale Multi-label Text Classification: Revisiting Neural Networks, arXiv:1312.5419",
    module="MultiLabelSoftMarginLoss",
    positional=("input", "target", "weight", "size_average", "reduce", "reduction"),
)
def multilabel_soft_margin_loss(input: Logit[C], target: Unit[C], weight: ClassWeight[C] | EntryWeight[C] = 1):
    """The mean over the classes of the binary cross entropies of labels that do not exclude each other.

    Use it for items with several labels each, such as tags of a picture. Strength: each label has a probabilistic reading.
    Weakness: labels are treated as independent. The classes are the last dimension. Weights are
    one for each class, or broadcast against `input`: (N, 1) has one for each item.
    """
    return Sum(binary_cross_entropy_with_logits(input[c], target[c], weight[c]), c) / C.size
