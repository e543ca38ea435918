from lossgen.formula import Prediction, Real, Weight, loss


@loss(
    paper="Gauss 1809, Theoria motus corporum coelestium",
    module="MSELoss",
    normalizer=lambda weight: weight,
    positional=("input", "target", "size_average", "reduce", "reduction", "weight"),
)
def mse_loss(input: Prediction, target: Real, weight: Weight = 1):
    """The squared error (L2).

    Use it for continuous targets such as prices or temperatures, where large errors are what hurts.
    Strength: large errors weigh more. Weakness: sensitive to outliers, since squares grow fast.
    With weights, `mean` divides by their sum.
    """
    return weight * (input - target) ** 2
