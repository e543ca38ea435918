from lossgen.formula import (
    ClassIndex,
    ClassWeight,
    Each,
    Fraction,
    Logit,
    NonNegative,
    Positive,
    Simplex,
    Sum,
    exp,
    log,
    loss,
    tanh,
)

from .cross_entropy import C, c, cross_entropy, weight_of_target


@loss(
    paper="Gemma Team 2024, Gemma 2: Improving Open Language Models at a Practical Size, arXiv:2408.00118, section 2 "
    "(soft-capping); Chowdhery et al. 2022, PaLM, arXiv:2204.02311, section 5 (z-loss)",
    normalizer=weight_of_target,
)
def softcapped_cross_entropy(
    input: Logit[C],
    target: ClassIndex[C] | Simplex[C],
    weight: ClassWeight[C] = 1,
    label_smoothing: Fraction = 0,
    softcap: Positive = 30,
    z_loss: NonNegative = 1e-4,
):
    """The cross entropy of logits that are softly capped to (−softcap, softcap), and a penalty on their log-partition.

    Use it for large language models, whose logits drift: the cap bounds them, and `z_loss` · (log Σ exp)² keeps the
    partition near 1. Strength: stable long runs. Weakness: two more hyperparameters; a capped logit has next to no gradient.
    `cross_entropy` is a loss of its own, without them, so that it stays lean. Otherwise the arguments and what `mean` divides
    by are those of `cross_entropy`; the penalty is not weighted by class.
    """
    capped = Each(softcap * tanh(input[c] / softcap), c)
    log_partition = log(Sum(exp(capped[c]), c))
    return cross_entropy(capped, target, weight, label_smoothing) + z_loss * log_partition**2
