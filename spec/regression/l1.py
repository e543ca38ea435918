from lossgen.formula import Abs, Prediction, Real, Weight, loss


@loss(
    paper="Laplace 1774, Mémoire sur la probabilité des causes par les événements",
    normalizer=lambda weight: weight,
    positional=("input", "target", "size_average", "reduce", "reduction", "weight"),
)
def l1_loss(input: Prediction, target: Real, weight: Weight = 1):
    """The absolute error (MAE); the subgradient at 0 is 0.

    Use it for regression with outliers.
    Strength: less sensitive to outliers. Weakness: the signal does not fade near the optimum, so fits are less precise.
    With weights, `mean` divides by their sum.
    """
    return weight * Abs(input - target)
