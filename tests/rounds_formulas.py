"""Recurrences that have something beside their cells: what a kernel computes once for all rows or in each, reads in two ways,
decides for a whole item, or calls as it would call a table. And what they mean on tensors, cell by cell.
"""

import recurrences
import torch
from recurrences import STEPS, N, normal

FORMULAS = '''
from lossgen.formula import (
    Axis, Eq, Fraction, Length, Logit, Piecewise, Positive, Prediction, Real, Sum, exp, log, loss, recurrence
)

T = Axis("T", place="last")
K = Axis("K", place="last")
J = Axis("J", place="last")
t, k, j, i = T.index(), K.index(), J.index(), J.index("i")
last = T.size - 1


@loss
def hoisted_loss(x: Prediction[T, K], w: Real[J], gamma: Fraction = 0.75):
    """Each of two steps has a sum over the same axis that is the same for all rows."""

    @recurrence(t, k)
    def a(a):
        y = x[t, k] * Sum(w[j] ** 2, j)
        return Piecewise((y, Eq(t, 0)), (y + a[t - 1, k] / Sum(exp(-gamma * j), j), True))

    return a[last, K.size - 1] ** 2


@loss
def read_twice_loss(x: Prediction[T, K], w: Prediction[J], z: Prediction, gamma: Fraction = 0.75):
    """A sum that reads an argument in two ways: as it is, and in a sum of its own."""

    @recurrence(t)
    def a(a):
        y = x[t, 0] * Sum(w[j], j) + x[t, 1] * Sum((w[j] - Sum(w[i], i) / 4) ** 2, j)
        return Piecewise((y, Eq(t, 0)), (y + gamma * a[t - 1], True))

    return (a[last] - z) ** 2


@loss
def level_loss(x: Prediction[T, K], lengths: Length[T] = -1, gamma: Fraction = 0.75):
    """Items of a single step have a formula of their own."""

    @recurrence(t)
    def level(level):
        before = Piecewise((0, Eq(t, 0)), (gamma * level[t - 1], True))
        return Piecewise((x[t, 0] * x[t, 1], Eq(lengths, 1)), (x[t, 0] - x[t, 1] + before, True))

    return level[last] ** 2


@loss
def columns_loss(x: Prediction[T, J, K]):
    """Cells of three indices, of which no row needs another one."""

    @recurrence(t, j, k)
    def a(a):
        return Piecewise((x[t, j, k], Eq(j, 0)), (x[t, j, k] * a[t, j - 1, k], True))

    return a[last, J.size - 1, K.size - 1]


@loss
def gated_loss(x: Logit[T, K]):
    """Paths of which an entry says whether they may go on: the sum of a cell reads more than cells."""

    @recurrence(t, k)
    def a(a):
        jump = Piecewise((0, x[t, k] > 0.5), (a[t - 1, k - 1], True))
        return Piecewise((exp(x[t, k]), Eq(t, 0)), (exp(x[t, k]) * (a[t - 1, k] + jump), True))

    return -log(a[last, K.size - 1])


@loss
def beside_loss(x: Logit[T, K], z: Prediction, w: Prediction):
    """Terms beside the sum over paths, of which two gradients need the same part."""

    @recurrence(t, k)
    def a(a):
        return Piecewise((exp(x[t, k]), Eq(t, 0)), (exp(x[t, k]) * (a[t - 1, k] + a[t - 1, k - 1]), True))

    d = z * w - x[last, 0]
    return -log(a[last, K.size - 1]) + Piecewise((d**2, d > 1), (exp(d) * d, True))


@loss
def tables_loss(x: Logit[T, K], single_adjoint_a: Prediction, rate_adjoint_a: Positive = 1.5):
    """Two recurrences and arguments that are called as tables of the other recurrence would be."""

    @recurrence(t, k)
    def a(a):
        return Piecewise((exp(x[t, k]), Eq(t, 0)), (exp(x[t, k]) * (a[t - 1, k] + a[t - 1, k - 1]), True))

    @recurrence(t, k)
    def sum_a(sum_a):
        y = exp(x[t, k] * rate_adjoint_a)
        return Piecewise((y, Eq(t, 0)), (y * (sum_a[t - 1, k] + sum_a[t - 1, k - 1]), True))

    return -log(a[last, K.size - 1]) * single_adjoint_a - log(sum_a[last, K.size - 1])
'''


WEIGHTS, FRAMES = normal(N, 5, seed=3).detach(), torch.tensor([STEPS, 1])


def hoisted(x, gamma=0.75):
    w = WEIGHTS
    share = torch.exp(-gamma * torch.arange(w.shape[1], dtype=w.dtype)).sum()
    for n in range(N):
        y = x[n, :, -1] * (w[n] ** 2).sum()
        a = y[0]
        for step in y[1:]:
            a = step + a / share
        yield a**2


def read_twice(x, w, z, gamma=0.75):
    for n in range(N):
        total, spread = w[n].sum(), ((w[n] - w[n].sum() / 4) ** 2).sum()
        a = 0.0
        for step in x[n]:
            a = step[0] * total + step[1] * spread + gamma * a
        yield (a - z[n]) ** 2


def level(x, gamma=0.75):
    for n, length in enumerate(FRAMES.tolist()):
        a = 0.0
        for step in x[n, :length]:
            a = step[0] * step[1] if length == 1 else step[0] - step[1] + gamma * a
        yield a**2


def columns(x):
    yield from x[:, -1, :, -1].prod(1)


def paths(x, gated=False):
    """The sum over paths that stay or go on by one."""
    a = list(torch.exp(x[0]))
    for y in x[1:]:
        a = [torch.exp(y[k]) * (a[k] + (a[k - 1] if k and not (gated and y[k] > 0.5) else 0.0)) for k in range(len(y))]
    return a[-1]


def gated(x):
    for item in x:
        yield -torch.log(paths(item, gated=True))


def beside(x, z, w):
    for n in range(N):
        d = z[n] * w[n] - x[n, -1, 0]
        yield -torch.log(paths(x[n])) + (d**2 if d > 1 else torch.exp(d) * d)


def tables(x, single_adjoint_a, rate_adjoint_a=1.5):
    for n in range(N):
        yield -torch.log(paths(x[n])) * single_adjoint_a[n] - torch.log(paths(x[n] * rate_adjoint_a))


CASES = {
    "hoisted_loss": (hoisted, lambda: [normal(N, STEPS, 3)], [WEIGHTS]),
    "read_twice_loss": (read_twice, lambda: [normal(N, STEPS, 2), normal(N, 4), normal(N)], []),
    "level_loss": (level, lambda: [normal(N, STEPS, 2)], [FRAMES]),
    "columns_loss": (columns, lambda: [normal(N, 3, 4, 2)], []),
    "gated_loss": (gated, lambda: [normal(N, STEPS, 6)], []),
    "beside_loss": (beside, lambda: [normal(N, STEPS, 3), normal(N), normal(N, seed=2)], []),
    "tables_loss": (tables, lambda: [normal(N, STEPS, 3), normal(N)], []),
}
EVERY = recurrences.CASES | CASES


def write_formulas(folder):
    """Both files of formulas."""
    (folder / "mine.py").write_text(recurrences.FORMULAS)
    (folder / "rounds.py").write_text(FORMULAS)
