from lossgen.formula import Positive, Prediction, Real, log, loss


@loss(
    paper="Black and Anandan 1996, The Robust Estimation of Multiple Motions; scaled as in Barron 2019, arXiv:1701.03077"
)
def cauchy_loss(input: Prediction, target: Real, scale: Positive = 1):
    """The logarithm of a squared error: c²/2·log(1 + (error/c)²), the negative log-likelihood of a Cauchy distribution.

    Use it for regression with gross outliers.
    Strength: the pull of an outlier fades with its distance. Weakness: not convex, so the start matters; `scale` must suit
    the scale of the errors.
    Of the forms in the literature this is the one with curvature 1 at 0, which is also SciPy's `least_squares` with
    `loss="cauchy"`. Black and Anandan's Lorentzian log(1 + (error/σ)²/2) is it with `scale` √2·σ, divided by σ²;
    Barron's loss for α = 0 is it with `scale` √2·c, divided by c².
    """
    return scale**2 / 2 * log(1 + ((input - target) / scale) ** 2)
