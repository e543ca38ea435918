from lossgen.formula import AboveMinusOne, PredictionAboveMinusOne, log, loss


@loss(
    paper="Kaggle 2013 (RMSLE of the Bulldozers competition); squared, as in scikit-learn and Keras", module="MSLELoss"
)
def msle(input: PredictionAboveMinusOne, target: AboveMinusOne):
    """The squared difference of log(1 + x) and log(1 + y) (mean squared logarithmic error).

    Use it for counts and amounts that grow exponentially, where relative errors matter.
    Strength: relative errors for large numbers, absolute ones near 0. Weakness: too low costs more than too high; neither
    predictions nor targets may reach -1.
    The difference of the logarithms keeps its digits where both are nearly equal.
    """
    return (log(1 + input) - log(1 + target)) ** 2
