"""A loss whose rows end where an item's length says: what lies beyond is no entry, and has a gradient of 0."""

import numpy as np

from lossgen.formula import Axis, Eq, Length, Logit, Piecewise, Sum, exp, log, loss, recurrence

T, K = Axis("T", place="last"), Axis("K", place="last")
FRAMES, STATES = np.array([4, 3]), np.array([3, 2])


@loss
def ragged_loss(x: Logit[T, K], frames: Length[T] = -1, states: Length[K] = -1):
    """Paths through states of which an item may have few, with a softmax over those that it has."""
    t, k, j = T.index(), K.index("k"), K.index("j")

    @recurrence(t, k)
    def a(a):
        y = exp(x[t, k]) / Sum(exp(x[t, j]), j)
        return Piecewise((y, Eq(t, 0)), (y * (a[t - 1, k] + a[t - 1, k - 1]), True))

    return -log(a[T.size - 1, K.size - 1])


def outside(shape):
    """Which entries of (2, T, K) are beyond the lengths."""
    places = np.indices(shape)
    return (places[1] >= FRAMES[places[0]]) | (places[2] >= STATES[places[0]])
