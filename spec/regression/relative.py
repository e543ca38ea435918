from lossgen.formula import Abs, Piecewise, Positive, Prediction, Real, loss


@loss(
    paper="Makridakis 1993, Accuracy measures: theoretical and practical concerns; eps: scikit-learn", module="MAPELoss"
)
def mape(input: Prediction, target: Real, eps: Positive = 1e-7):
    """The absolute error as a fraction of the target's size (mean absolute percentage error, without the factor 100).

    Use it where errors matter in proportion: demand, prices over several orders of magnitude.
    Strength: independent of the target's unit. Weakness: explodes for targets near 0, and prefers predictions that are
    too low.
    At a target of 0 the error is divided by `eps`, as is that of every target smaller than `eps`: this is what Keras and
    scikit-learn do (with `eps` 1e-7 and 2.2e-16). The subgradient where both are equal is 0.
    """
    error = Abs(input - target)
    return Piecewise((error / Abs(target), Abs(target) > eps), (error / eps, True))
