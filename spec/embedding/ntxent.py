from lossgen.formula import Axis, ClassIndex, Delta, Logit, Positive, Sum, exp, item, log, loss

C = Axis("C")
c = C.index()


@loss(
    paper="Sohn 2016, Improved Deep Metric Learning with Multi-class N-pair Loss Objective; Chen et al. 2020, "
    "A Simple Framework for Contrastive Learning of Visual Representations (SimCLR), arXiv:2002.05709, eq. 1",
    module="NTXentLoss",
)
def ntxent_loss(input: Logit[C], target: ClassIndex[C], temperature: Positive = 0.5):
    """The normalised, temperature-scaled cross entropy of each item's positive among all other items of the batch.

    Use it for self-supervised learning from two views of each item: `input` is the matrix of similarities (N, N), such as
    cosines, and `target` the column of each row's other view. Strength: every other item serves as a negative.
    Weakness: needs large batches; the temperature must be chosen.
    The item's own column is left out, whatever it holds: a batch needs two items at least. Columns beyond the batch, such
    as those of a memory bank, are negatives as well.
    """
    others = Sum((1 - Delta(c, item)) * exp(input[c] / temperature), c)
    return -log(exp(input[target] / temperature) / others)
