from lossgen.formula import Prediction, Real, exp, log, loss


@loss(
    paper="Hastie, Tibshirani and Friedman 2009, The Elements of Statistical Learning, section 10.6",
    positional=("input", "target", "size_average", "reduce", "reduction"),
)
def soft_margin_loss(input: Prediction, target: Real):
    """The logistic loss of a score under a label of −1 or 1: a hinge with a smooth corner.

    Use it for two classes labelled −1 and 1, with scores that read as log odds. Any real target is accepted, as in
    PyTorch; its size multiplies the score.
    Strength: smooth, and the same as binary cross-entropy with logits. Weakness: never quite satisfied, so that right
    answers go on pulling; a wrong score counts in proportion.
    PyTorch gives inf, and a gradient of NaN, where target·input < −88.7; here value and gradient are right.
    For targets other than −1 and 1 the product target·input is rounded, which moves the exponential tail by its ulp.
    """
    return log(1 + exp(-target * input))
