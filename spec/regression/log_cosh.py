from lossgen.formula import Prediction, Real, exp, log, loss


@loss(paper="Saleh and Saleh 2022, Statistical Properties of the log-cosh Loss Function, arXiv:2208.04564, eq. 1")
def log_cosh_loss(input: Prediction, target: Real):
    """The logarithm of the hyperbolic cosine of the error.

    Use it for regression with outliers, where a loss with a second derivative everywhere is wanted.
    Strength: like half the squared error for small errors and like the absolute error for large ones, without a parameter.
    Weakness: the transition lies at errors of about 1, so targets must be scaled to suit.
    """
    error = input - target
    return log((exp(error) + exp(-error)) / 2)
