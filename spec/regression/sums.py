from lossgen.formula import Prediction, Real, loss

from .l1 import l1_loss
from .mse import mse_loss


@loss(paper="Gauss 1809, Theoria motus corporum coelestium", module="L2Loss", reductions=("sum",))
def l2_loss(input: Prediction, target: Real):
    """The sum of the squared errors, without averaging.

    Use it for continuous targets such as prices or temperatures, where large errors are what hurts, and the number of
    entries is to count.
    Strength: large errors weigh more. Weakness: sensitive to outliers, since squares grow fast; grows with the batch.
    """
    return mse_loss(input, target)


@loss(
    paper="Laplace 1774, Mémoire sur la probabilité des causes par les événements",
    module="L1SumLoss",
    reductions=("sum",),
)
def l1_sum_loss(input: Prediction, target: Real):
    """The sum of the absolute errors, without averaging; the subgradient at 0 is 0.

    Use it for regression with outliers, where the number of entries is to count.
    Strength: less sensitive to outliers. Weakness: the signal does not fade near the optimum; grows with the batch.
    """
    return l1_loss(input, target)
