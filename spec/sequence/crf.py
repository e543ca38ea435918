from lossgen.formula import (
    Axis,
    ClassIndex,
    Eq,
    Length,
    Piecewise,
    Prediction,
    Sum,
    exp,
    infinite_with,
    log,
    loss,
    recurrence,
)

T = Axis("T", place="last")
K = Axis("K", place="last")


@loss(
    paper="Lafferty, McCallum and Pereira 2001, Conditional Random Fields: Probabilistic Models for Segmenting and "
    "Labeling Sequence Data",
    module="CRFLoss",
)
def crf_loss(
    emissions: Prediction[T, K],
    tags: ClassIndex[K].along(T),
    transitions: Prediction[K, K].shared(),
    start: Prediction[K].shared(),
    end: Prediction[K].shared(),
    lengths: Length[T] = -1,
):
    """The negative log-likelihood of a sequence of tags in a linear chain.

    Use it for tagging: names in a text, parts of speech, segments of a recording. Strength: tags are scored together, so
    that what follows what is learnt. Weakness: costly: K × K sums at every position; only neighbours are scored.
    `transitions[j, k]` scores tag k after tag j. A score of −∞ rules out what it is given for; where the tags themselves are
    ruled out the loss is ∞ and its gradient 0. Instead of lengths a mask (N, T) may be given, True first, then False.
    """
    t, j, k = T.index(), K.index("j"), K.index("k")

    @recurrence(t, k)
    def alpha(alpha):
        first = exp(start[k] + emissions[t, k])
        return Piecewise(
            (first, Eq(t, 0)), (exp(emissions[t, k]) * Sum(alpha[t - 1, j] * exp(transitions[j, k]), j), True)
        )

    log_partition = log(Sum(alpha[T.size - 1, k] * exp(end[k]), k))
    step = Piecewise((start[tags[t]], Eq(t, 0)), (transitions[tags[t - 1], tags[t]], True))
    score = Sum(step + emissions[t, tags[t]], t) + end[tags[T.size - 1]]
    return Piecewise((0, Eq(lengths, 0)), (infinite_with(score, log_partition - score), True))
