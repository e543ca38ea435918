from lossgen.formula import Abs, Fraction, Piecewise, Prediction, Real, loss


@loss(paper="Koenker and Bassett 1978, Regression Quantiles, Econometrica 46(1), eq. 2.2")
def quantile_loss(input: Prediction, target: Real, quantile: Fraction = 0.5):
    """The absolute error, weighed by `quantile` where the prediction is too low and by 1 − `quantile` where it is too high.

    Use it to predict a quantile of the target instead of its mean: intervals, stock levels, worst cases. Also called the
    pinball loss; with `quantile=0.5` it is half the absolute error, and the prediction is the median.
    Strength: no assumption about the distribution, not sensitive to outliers. Weakness: a model for each quantile, and
    nothing keeps their predictions in order.
    The subgradient at 0 is 0.
    """
    error = target - input
    return Abs(error) * Piecewise((quantile, error > 0), (1 - quantile, True))
