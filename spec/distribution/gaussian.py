from lossgen.formula import Flag, Max, Positive, Prediction, Real, Variance, detach, log, loss, pi


@loss(
    paper="Nix and Weigend 1994, Estimating the mean and variance of the target probability distribution, eq. 1",
    module="GaussianNLLLoss",
    positional=("input", "target", "var", "full", "eps", "reduction"),
)
def gaussian_nll_loss(input: Prediction, target: Real, var: Variance, full: Flag = False, eps: Positive = 1e-6):
    """The negative log-likelihood of a target under a normal distribution of predicted mean and variance.

    Use it for regression with a prediction of how uncertain it is.
    Strength: noisy targets weigh less, and the model says which they are. Weakness: a variance that shrinks early fits
    outliers badly; unstable where variances come near 0.
    Without the constant log(2π)/2 unless `full`. A variance below `eps` counts as `eps`, but its gradient is that of a
    variance of `eps` and not 0, as in PyTorch. The squared error is divided before it is multiplied, so that it does not
    overflow where the loss is finite, unlike PyTorch's. The value and the gradient for `var` are differences: where their
    terms are nearly equal, they are as exact as the inputs are.
    """
    var += detach(Max(var, eps) - var)
    value = (log(var) + (input - target) ** 2 / var) / 2
    return value + log(2 * pi) / 2 if full else value
