from lossgen.formula import (
    And,
    Axis,
    Eq,
    Length,
    Piecewise,
    Positive,
    Prediction,
    exp,
    infinite_with,
    log,
    loss,
    oo,
    recurrence,
)

ROWS = Axis("I", place="last")
COLUMNS = Axis("J", place="last")


@loss(
    paper="Cuturi and Blondel 2017, Soft-DTW: a Differentiable Loss Function for Time-Series, arXiv:1703.01541, eq. 1, algorithm 1",
    module="SoftDTWLoss",
)
def soft_dtw_loss(
    distances: Prediction[ROWS, COLUMNS],
    rows: Length[ROWS] = -1,
    columns: Length[COLUMNS] = -1,
    gamma: Positive = 1,
):
    """Dynamic time warping with a soft minimum over all alignments, from the matrix of distances between two series.

    Use it for time series that are stretched against each other. Strength: differentiable, blind to shifts in time.
    Weakness: costly: a lattice per sample; it may be below 0, and is not least where the series are equal.
    No alignment passes a distance of ∞, as those outside a band may be; where none is left, or a series is empty, the loss
    is ∞ and its gradient 0. A small γ comes near the distance of dynamic time warping, a large one smooths it.
    """
    i, j = ROWS.index(), COLUMNS.index()

    def softmin(*values):
        return -gamma * log(sum(exp(-value / gamma) for value in values))

    @recurrence(i, j, outside=oo)
    def r(r):
        before = softmin(r[i - 1, j - 1], r[i - 1, j], r[i, j - 1])
        return Piecewise((distances[i, j], And(Eq(i, 0), Eq(j, 0))), (distances[i, j] + before, True))

    value = r[ROWS.size - 1, COLUMNS.size - 1]
    return infinite_with(value, value)
