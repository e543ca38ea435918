from lossgen.formula import (
    And,
    Axis,
    ClassIndex,
    ClassNumber,
    Each,
    Eq,
    Flag,
    Length,
    Logit,
    LogProbability,
    Max,
    Or,
    Piecewise,
    Sum,
    exp,
    log,
    loss,
    recurrence,
    zero_if_infinite,
)

T = Axis("T", place="first")
C = Axis("C", place="last")
L = Axis("L", place="last")
S = Axis("S", length=2 * L.size + 1)

PAPER = (
    "Graves, Fernández, Gomez and Schmidhuber 2006, Connectionist Temporal Classification: Labelling Unsegmented Sequence "
    "Data with Recurrent Neural Networks, eq. 6–8"
)
ORDER = ("targets", "input_lengths", "target_lengths", "blank", "reduction", "zero_infinity")


def number_of_labels(target_lengths):
    return Max(target_lengths, 1)


@loss(paper=PAPER, module="CTCLoss", divisor=number_of_labels, positional=("log_probs", *ORDER))
def ctc_loss(
    log_probs: LogProbability[T, C],
    targets: ClassIndex[C].along(L).other_than("blank"),
    input_lengths: Length[T],
    target_lengths: Length[L],
    blank: ClassNumber[C] = 0,
    zero_infinity: Flag = False,
):
    """The negative log-probability of a labelling, summed over every alignment of its labels to the frames.

    Use it for speech, handwriting: sequences with unknown alignment. Strength: flexible alignment of input and output.
    Weakness: costly: a lattice per sample; labels are independent of each other given the input.
    Repeated labels need a blank between them: where the frames are too few the loss is infinite (0 with `zero_infinity`)
    and its gradient 0. `mean` divides each loss by its number of labels (at least 1), then by the number of samples. The
    gradient is the true one with respect to the given log-probabilities; PyTorch's is the one with respect to the logits
    of a log-softmax before them, and has no second derivative. A target that has the blank among its labels is an error;
    PyTorch takes it for an ordinary label, which may follow another one without a blank between them.
    """
    t, s = T.index(), S.index()

    def label(s):
        return Piecewise((blank, Eq(s % 2, 0)), (targets[(s - 1) / 2], True))

    @recurrence(t, s)
    def alpha(alpha):
        y = exp(log_probs[t, label(s)])
        start = Piecewise((y, s < 2), (0, True))
        same = Or(Eq(label(s), blank), Eq(label(s), label(s - 2)))
        skip = Piecewise((0, same), (alpha[t - 1, s - 2], True))
        return Piecewise((start, Eq(t, 0)), (y * (alpha[t - 1, s] + alpha[t - 1, s - 1] + skip), True))

    probability = alpha[T.size - 1, S.size - 1] + alpha[T.size - 1, S.size - 2]
    nothing = And(Eq(input_lengths, 0), Eq(target_lengths, 0))
    value = Piecewise((0, nothing), (-log(probability), True))
    return zero_if_infinite(value) if zero_infinity else value


@loss(paper=PAPER, module="CTCWithLogitsLoss", divisor=number_of_labels, positional=("logits", *ORDER))
def ctc_with_logits_loss(
    logits: Logit[T, C],
    targets: ClassIndex[C].along(L).other_than("blank"),
    input_lengths: Length[T],
    target_lengths: Length[L],
    blank: ClassNumber[C] = 0,
    zero_infinity: Flag = False,
):
    """`ctc_loss` of logits: the log-softmax of every frame is folded in, so that no log-probabilities are stored.

    Use it for speech, handwriting: sequences with unknown alignment. Strength: flexible alignment of input and output;
    confident frames keep their digits. Weakness: costly: a lattice per sample.
    """
    t, c, k = T.index(), C.index(), C.index("k")
    log_probs = Each(log(exp(logits[t, c]) / Sum(exp(logits[t, k]), k)), t, c)
    return ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, zero_infinity)
