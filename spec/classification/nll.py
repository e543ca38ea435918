from lossgen.formula import ClassIndex, ClassWeight, LogProbability, loss

from .cross_entropy import C, weight_of_target


@loss(
    paper="Fisher 1922, On the Mathematical Foundations of Theoretical Statistics",
    module="NLLLoss",
    normalizer=weight_of_target,
    positional=("input", "target", "weight", "size_average", "ignore_index", "reduce", "reduction"),
)
def nll_loss(input: LogProbability[C], target: ClassIndex[C], weight: ClassWeight[C] = 1):
    """The negative log-likelihood of a class, from log-probabilities that the model computes itself.

    Use it for several classes that exclude each other, after a log-softmax of your own; `cross_entropy` takes logits.
    Strength: all classes at once, with a probabilistic reading. Weakness: class imbalance, unless weighted.
    Only the right class's log-probability is read: those of other classes may be −∞. `mean` divides by the sum of the
    items' class weights.
    """
    return -weight[target] * input[target]
