from lossgen.formula import Abs, NonNegative, Piecewise, Positive, Prediction, Real, Weight, loss


@loss(
    paper="Huber 1964, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics 35(1)",
    positional=("input", "target", "reduction", "delta", "weight"),
)
def huber_loss(input: Prediction, target: Real, delta: Positive = 1, weight: Weight = 1):
    """The squared error up to a distance of `delta`, growing linearly beyond it.

    Use it for regression with outliers, where small errors still matter.
    Strength: precise near the optimum like the squared error, less sensitive to outliers. Weakness: `delta` must suit the
    scale of the errors.
    The gradient is continuous; the second derivative at a distance of exactly `delta` is that of the squared error.
    """
    error = Abs(input - target)
    return weight * Piecewise((error**2 / 2, error <= delta), (delta * (error - delta / 2), True))


@loss(
    paper="Girshick 2015, Fast R-CNN, arXiv:1504.08083, eq. 3; beta: PyTorch",
    module="SmoothL1Loss",
    positional=("input", "target", "size_average", "reduce", "reduction", "beta"),
)
def smooth_l1_loss(input: Prediction, target: Real, beta: NonNegative = 1):
    """The absolute error, rounded off within a distance of `beta`; with `beta=0` the absolute error itself.

    Use it for box regression in object detection, and for regression with outliers in general.
    Strength: less sensitive to outliers, a gradient that fades near the optimum. Weakness: `beta` must suit the scale of
    the errors.
    It is `huber_loss` with `delta=beta`, divided by `beta`. The gradient is continuous for `beta > 0`; for `beta=0` the
    subgradient at 0 is 0. No square overflows where the loss itself is finite, unlike PyTorch's.
    """
    error = Abs(input - target)
    return Piecewise((error**2 / (2 * beta), error < beta), (error - beta / 2, True))
