from lossgen.formula import (
    Axis,
    Binary,
    ClassIndex,
    ClassWeight,
    Logit,
    NonNegative,
    Parameter,
    Piecewise,
    log,
    loss,
    sigmoid,
    softmax,
)

C = Axis("C")


@loss(paper="Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002, eq. 5", reduction="none")
def sigmoid_focal_loss(input: Logit, target: Binary, alpha: Parameter = 0.25, gamma: NonNegative = 2):
    """Binary cross-entropy that down-weights well-classified examples, so that training follows the hard ones.

    Use it for dense detection (RetinaNet) and other tasks with many easy negatives. A negative `alpha` turns the class
    balance off. Strength: attention to the hard, imbalanced cases. Weakness: two more hyperparameters, α and γ.
    """
    p = sigmoid(input)
    p_t = target * p + (1 - target) * (1 - p)
    alpha_t = Piecewise((target * alpha + (1 - target) * (1 - alpha), alpha >= 0), (1, True))
    return -alpha_t * (1 - p_t) ** gamma * log(p_t)


@loss(paper="Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002, eq. 5")
def focal_loss(input: Logit[C], target: ClassIndex[C], alpha: ClassWeight[C] = 1, gamma: NonNegative = 2):
    """Cross-entropy over several classes that down-weights well-classified examples.

    Use it for several classes of which some are rare or hard; `alpha` weighs the classes.
    Strength: attention to the hard, imbalanced cases. Weakness: two more hyperparameters, α and γ.
    """
    p_y = softmax(input, target)
    return -alpha[target] * (1 - p_y) ** gamma * log(p_y)
