from lossgen.formula import (
    Amount,
    BetweenOneAndTwo,
    Flag,
    NonNegative,
    NonNegativePrediction,
    Piecewise,
    PositivePrediction,
    Prediction,
    exp,
    log,
    loss,
    pi,
)


@loss(
    paper="Nelder and Wedderburn 1972, Generalized Linear Models; Stirling's approximation as in PyTorch",
    module="PoissonNLLLoss",
    forward={"input": "log_input"},
    positional=("input", "target", "log_input", "full", "size_average", "eps", "reduce", "reduction"),
)
def poisson_nll_loss(
    input: NonNegativePrediction.given(log_input=Prediction),
    target: Amount,
    log_input: Flag = True,
    full: Flag = False,
    eps: NonNegative = 1e-8,
):
    """The negative log-likelihood of a count under a Poisson distribution, whose mean is e^input, or with
    `log_input=False` the input itself.

    Use it for counts: events per hour, items sold.
    Strength: suits numbers that cannot be negative and vary more where they are larger. Weakness: the variance is bound to
    the mean; the exponential makes one prediction that is far too high costly.
    Leaves out log y!, or with `full=True` approximates it by Stirling's formula for targets above 1; the gradient for a
    target of 0 is then finite, where PyTorch's is NaN. `eps` keeps the logarithm of the mean finite with
    `log_input=False`; a mean below 0 is an error, where PyTorch's loss is NaN.
    The gradient is a difference of prediction and target: where both are nearly equal, it is as exact as they are.
    """
    value = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        stirling = target * log(target) - target + log(2 * pi * target) / 2
        value += Piecewise((stirling, target > 1), (0, True))
    return value


@loss(paper="McCullagh and Nelder 1989, Generalized Linear Models, chapter 8", module="GammaNLLLoss")
def gamma_nll_loss(input: PositivePrediction.given(log_input=Prediction), target: Amount, log_input: Flag = True):
    """The negative log-likelihood of an amount under a gamma distribution, whose mean is e^input, or with
    `log_input=False` the input itself.

    Use it for positive amounts whose spread grows with their mean: claims, durations, rainfall.
    Strength: relative errors count, predictions stay positive with the log link. Weakness: sensitive to targets near 0.
    Per unit of the shape parameter, without the terms in which no prediction enters (as XGBoost's `reg:gamma`).
    The gradient is a difference of prediction and target: where both are nearly equal, it is as exact as they are.
    """
    return target * exp(-input) + input if log_input else target / input + log(input)


@loss(paper="Jørgensen 1987, Exponential Dispersion Models, Journal of the Royal Statistical Society B 49(2)")
def tweedie_loss(input: Prediction, target: Amount, power: BetweenOneAndTwo = 1.5):
    """The negative log-likelihood of an amount under a Tweedie distribution of mean e^input, without the terms in which no
    prediction enters.

    Use it for amounts that are often exactly 0: claims per policy, rain per day, sales per customer.
    Strength: zeros and positive amounts in one model. Weakness: `power` must be chosen; near 1 the distribution is like
    that of a count, near 2 like a gamma distribution.
    The log link and the name of each term are those of XGBoost's and LightGBM's `tweedie` objective.
    The gradient is a difference of prediction and target: where both are nearly equal, it is as exact as they are.
    """
    return exp((2 - power) * input) / (2 - power) - target * exp((1 - power) * input) / (1 - power)
