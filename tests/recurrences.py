"""Formulas with recurrences that the catalogue does not have, and what they mean: plain functions of tensors, cell by cell.

The likelihood of a hidden Markov model (tables alone, its items are the sequences), exponential smoothing, a GARCH model
(parameters that are one number per item), discounted returns (time runs backwards), a soft edit distance, and a model with
a number for each label, whose recurrence has the index that its sums have.
"""

import itertools

import torch

FORMULAS = '''
from lossgen.formula import (
    And, Axis, ClassIndex, Eq, Fraction, Length, Logit, NonNegative, Piecewise, Positive, Prediction, Real, Sum, exp, log, loss, oo,
    recurrence,
)

T = Axis("T", place="last")
K = Axis("K", place="last")
O = Axis("O", place="last")
I = Axis("I", place="last")
J = Axis("J", place="last")
ROWS = Axis("V", base=I, longer=1)
COLUMNS = Axis("W", base=J, longer=1)
t = T.index()


@loss(paper="Rabiner 1989, A Tutorial on Hidden Markov Models, eq. 19-21")
def hmm_loss(
    initial: Logit[K].shared(),
    transition: Logit[K, K].shared(),
    emission: Logit[K, O].shared(),
    observations: ClassIndex[O].along(T),
    lengths: Length[T] = -1,
):
    """The negative log-likelihood of observations under a hidden Markov model."""
    j, k, i, o = K.index("j"), K.index("k"), K.index("i"), O.index("o")
    begin = exp(initial[k]) / Sum(exp(initial[i]), i)
    move = exp(transition[j, k]) / Sum(exp(transition[j, i]), i)
    emit = exp(emission[k, observations[t]]) / Sum(exp(emission[k, o]), o)

    @recurrence(t, k)
    def alpha(alpha):
        return Piecewise((begin * emit, Eq(t, 0)), (emit * Sum(alpha[t - 1, j] * move, j), True))

    return -log(Sum(alpha[T.size - 1, k], k))


@loss
def smoothing_loss(x: Prediction[T], y: Real[T], lengths: Length[T] = -1, alpha: Fraction = 0.75):
    """The squared error of exponential smoothing, one step ahead; the recurrence is called as the hyperparameter is."""
    def level(alpha_):
        @recurrence(t)
        def alpha(level):
            return Piecewise((x[t], Eq(t, 0)), (alpha_ * level[t - 1] + (1 - alpha_) * x[t], True))

        return alpha

    before = level(alpha)
    return Sum(Piecewise((0, Eq(t, 0)), ((before[t - 1] - y[t]) ** 2, True)), t)


@loss(paper="Bollerslev 1986, Generalized Autoregressive Conditional Heteroskedasticity")
def garch_loss(omega: Prediction, alpha: Prediction, beta: Prediction, x: Real[T], lengths: Length[T] = -1):
    """The negative log-likelihood of GARCH(1, 1)."""

    @recurrence(t)
    def variance(v):
        return Piecewise((omega, Eq(t, 0)), (omega + alpha * x[t - 1] ** 2 + beta * v[t - 1], True))

    return Sum(log(variance[t]) + x[t] ** 2 / variance[t], t) / 2


@loss
def returns_loss(rewards: Real[T], values: Prediction[T], gamma: Fraction = 0.9):
    """The squared error against discounted returns: time runs backwards."""

    @recurrence(t)
    def total(total):
        reward = rewards[T.size - 1 - t]
        return Piecewise((reward, Eq(t, 0)), (reward + gamma * total[t - 1], True))

    return Sum((values[t] - total[T.size - 1 - t]) ** 2, t)


@loss
def edit_loss(
    costs: Prediction[I, J], rows: Length[I] = -1, columns: Length[J] = -1, gamma: Positive = 1, gap: NonNegative = 1
):
    """The edit distance with a soft minimum."""
    i, j = ROWS.index("i"), COLUMNS.index("j")

    def softmin(*values):
        return -gamma * log(sum(exp(-value / gamma) for value in values))

    @recurrence(i, j, outside=oo)
    def d(d):
        step = softmin(d[i - 1, j - 1] + costs[i - 1, j - 1], d[i - 1, j] + gap, d[i, j - 1] + gap)
        return Piecewise((0, And(Eq(i, 0), Eq(j, 0))), (step, True))

    return d[I.size, J.size]


@loss
def mixing_loss(x: Logit[T, K], bias: Prediction, lengths: Length[T] = -1):
    """States that forget where they came from: the sum within a cell has the recurrence's own index."""
    k = K.index()

    @recurrence(t, k)
    def alpha(alpha):
        y = exp(x[t, k] + bias)
        return Piecewise((y, Eq(t, 0)), (y * Sum(alpha[t - 1, k], k), True))

    return -log(Sum(alpha[T.size - 1, k] * alpha[T.size - 1, k], k))


@loss
def two_ends_loss(x: Logit[T, K], z: Prediction, states: Length[K] = -1):
    """Paths that end in one of two states, of which an item with a single state has one; and terms beside the sum."""
    k = K.index()

    @recurrence(t, k)
    def a(a):
        y = exp(x[t, k])
        return Piecewise((y, Eq(t, 0)), (y * (a[t - 1, k] + a[t - 1, k - 1]), True))

    last = T.size - 1
    return -log(a[last, K.size - 1] + a[last, K.size - 2]) + z**2 + x[last, 0] ** 2


@loss
def walks_loss(x: Logit[T, K], z: Prediction, rate: Positive = 0.5):
    """Walks of five kinds of step, each with a weight of its own: of an item, a constant, a hyperparameter."""
    k = K.index()

    @recurrence(t, k)
    def a(a):
        steps = a[t - 1, k] * exp(z) + a[t - 1, k - 1] + rate * (a[t - 1, k - 2] + a[t - 2, k - 1] / 3)
        steps += a[t, k - 1] * exp(-x[t, k] - z)
        return Piecewise((exp(x[t, k]), Eq(t, 0)), (exp(x[t, k] - z) * steps, True))

    return -log(a[T.size - 1, K.size - 1])


@loss
def jumps_loss(x: Logit[T, K], z: Prediction, lengths: Length[T] = -1):
    """Paths that stay, or jump one to four states ahead: more cells than a kernel reads twice."""
    k = K.index()

    @recurrence(t, k)
    def a(a):
        before = a[t - 1, k] + a[t - 1, k - 1] + a[t - 1, k - 2] + a[t - 1, k - 3] + a[t - 1, k - 4]
        return Piecewise((exp(x[t, k]), Eq(t, 0)), (exp(x[t, k]) * before, True))

    return z - log(a[T.size - 1, K.size - 1])
'''

N, STEPS, STATES, WORDS = 2, 4, 3, 5
LENGTHS = torch.tensor([4, 2])


def normal(*shape, seed=11):
    g = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, dtype=torch.float64, generator=g, requires_grad=True)


def positive(*shape, seed=3):
    g = torch.Generator().manual_seed(seed + sum(shape))
    return (torch.rand(*shape, dtype=torch.float64, generator=g) + 0.3).requires_grad_()


OBSERVED = torch.tensor([[1, 4, 0, 1], [3, 2, 2, 2]])


def hmm(initial, transition, emission):
    """The sum over all paths through the states."""
    a, b, c = initial.log_softmax(0), transition.log_softmax(1), emission.log_softmax(1)
    for n, length in enumerate(LENGTHS.tolist()):
        paths = []
        for path in itertools.product(range(STATES), repeat=length):
            moves = sum(b[p, q] for p, q in itertools.pairwise(path))
            paths.append(a[path[0]] + moves + sum(c[k, OBSERVED[n, i]] for i, k in enumerate(path)))
        yield -torch.logsumexp(torch.stack(paths), 0)


def smoothing(x, y, alpha=0.75):
    for n, length in enumerate(LENGTHS.tolist()):
        level, total = x[n, 0], 0.0
        for i in range(1, length):
            total = total + (level - y[n, i]) ** 2
            level = alpha * level + (1 - alpha) * x[n, i]
        yield total


def garch(omega, alpha, beta, x):
    for n, length in enumerate(LENGTHS.tolist()):
        v, total = omega[n], 0.0
        for i in range(length):
            v = omega[n] + alpha[n] * x[n, i - 1] ** 2 + beta[n] * v if i else v
            total = total + (torch.log(v) + x[n, i] ** 2 / v) / 2
        yield total


def returns(rewards, values, gamma=0.9):
    for n in range(N):
        total, error = 0.0, 0.0
        for i in reversed(range(STEPS)):
            total = rewards[n, i] + gamma * total
            error = error + (values[n, i] - total) ** 2
        yield error


def edit(costs, gamma=1.0, gap=1.0):
    rows, columns = costs.shape[1:]
    for cost in costs:
        d = {(0, 0): costs.new_zeros(())}
        for i, j in itertools.product(range(rows + 1), range(columns + 1)):
            before = [d[i - 1, j - 1] + cost[i - 1, j - 1]] if i and j else []
            before += [d[i - 1, j] + gap] if i else []
            before += [d[i, j - 1] + gap] if j else []
            if before:
                d[i, j] = -gamma * torch.logsumexp(-torch.stack(before) / gamma, 0)
        yield d[rows, columns]


def mixing(x, bias):
    for n, length in enumerate(LENGTHS.tolist()):
        y = torch.exp(x[n] + bias[n])
        alpha = y[0]
        for i in range(1, length):
            alpha = y[i] * alpha.sum()
        yield -torch.log((alpha * alpha).sum())


def two_ends(x, z):
    for n, states in enumerate((3, 1)):
        a = list(torch.exp(x[n, 0, :states]))
        for i in range(1, STEPS):
            a = [torch.exp(x[n, i, k]) * (a[k] + (a[k - 1] if k else 0.0)) for k in range(states)]
        yield -torch.log(sum(a[-2:])) + z[n] ** 2 + x[n, -1, 0] ** 2


def walks(x, z, rate=0.5):
    for n in range(N):
        a = {(0, k): torch.exp(x[n, 0, k]) for k in range(STATES)}
        for i, k in itertools.product(range(1, STEPS), range(STATES)):
            steps = [(1, 0, torch.exp(z[n])), (1, 1, 1.0), (1, 2, rate), (2, 1, rate / 3)]
            steps.append((0, 1, torch.exp(-x[n, i, k] - z[n])))
            total = sum(weight * a.get((i - di, k - dk), 0.0) for di, dk, weight in steps)
            a[i, k] = torch.exp(x[n, i, k] - z[n]) * total
        yield -torch.log(a[STEPS - 1, STATES - 1])


def jumps(x, z):
    for n, length in enumerate(LENGTHS.tolist()):
        a = torch.exp(x[n, 0])
        for i in range(1, length):
            a = torch.exp(x[n, i]) * torch.stack([a[max(k - 4, 0) : k + 1].sum() for k in range(len(a))])
        yield z[n] - torch.log(a[-1])


CASES = {
    "hmm_loss": (hmm, lambda: [normal(STATES), normal(STATES, STATES), normal(STATES, WORDS)], [OBSERVED, LENGTHS]),
    "smoothing_loss": (smoothing, lambda: [normal(N, STEPS), normal(N, STEPS, seed=5)], [LENGTHS]),
    "garch_loss": (garch, lambda: [positive(N), positive(N, seed=1), positive(N, seed=2), normal(N, STEPS)], [LENGTHS]),
    "returns_loss": (returns, lambda: [normal(N, STEPS, seed=5), normal(N, STEPS)], []),
    "edit_loss": (edit, lambda: [normal(N, 3, 4)], []),
    "two_ends_loss": (two_ends, lambda: [normal(N, STEPS, STATES), normal(N)], [torch.tensor([3, 1])]),
    "walks_loss": (walks, lambda: [normal(N, STEPS, STATES), normal(N)], []),
    "jumps_loss": (jumps, lambda: [normal(N, STEPS, 7), normal(N)], [LENGTHS]),
    "mixing_loss": (mixing, lambda: [normal(N, STEPS, STATES), normal(N)], [LENGTHS]),
}
