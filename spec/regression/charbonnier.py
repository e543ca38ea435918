from lossgen.formula import NonNegative, Prediction, Real, Weight, loss, sqrt


@loss(paper="Charbonnier et al. 1994, Two deterministic half-quadratic regularization algorithms for computed imaging")
def charbonnier_loss(input: Prediction, target: Real, weight: Weight = 1, eps: NonNegative = 1e-3):
    """The absolute error, rounded off at 0: sqrt(error² + eps²).

    Use it for regression with outliers and for image restoration.
    Strength: less sensitive to outliers, smooth everywhere. Weakness: eps must be chosen; errors below it count little.
    """
    return weight * sqrt((input - target) ** 2 + eps**2)
