from lossgen.formula import (
    And,
    Axis,
    ClassIndex,
    ClassNumber,
    Eq,
    Length,
    Logit,
    Piecewise,
    Sum,
    exp,
    log,
    loss,
    oo,
    recurrence,
)

T = Axis("T", place="last")
U = Axis("U", place="last")
V = Axis("V", place="last", base=U, longer=1)
C = Axis("C", place="last")


@loss(
    paper="Graves 2012, Sequence Transduction with Recurrent Neural Networks, arXiv:1211.3711, eq. 16–18",
    module="RNNTLoss",
)
def rnnt_loss(
    logits: Logit[T, V, C],
    targets: ClassIndex[C].along(U).other_than("blank"),
    logit_lengths: Length[T] = -1,
    target_lengths: Length[U] = -1,
    blank: ClassNumber[C] = 0,
):
    """The negative log-probability of a label sequence under a transducer, summed over every alignment.

    Use it for speech recognition while the sound goes on: the joint network gives logits (N, T, U + 1, C) for every frame
    and every number of labels emitted so far. Strength: flexible alignment, and labels that depend on those before.
    Weakness: costly: a lattice per sample, and logits for each of its cells; the log-softmax is folded in, so that no
    log-probabilities of that size are stored.
    """
    t, u, k = T.index(), V.index("u"), C.index("k")

    def y(t, u, label):
        return exp(logits[t, u, label]) / Sum(exp(logits[t, u, k]), k)

    @recurrence(t, u)
    def alpha(alpha):
        stay = alpha[t - 1, u] * y(t - 1, u, blank)
        emit = alpha[t, u - 1] * y(t, u - 1, targets[u - 1])
        return Piecewise((1, And(Eq(t, 0), Eq(u, 0))), (stay + emit, True))

    probability = alpha[T.size - 1, U.size] * y(T.size - 1, U.size, blank)
    return Piecewise((oo, Eq(logit_lengths, 0)), (-log(probability), True))
