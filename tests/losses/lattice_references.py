"""What losses over lattices mean, said without a lattice: every alignment or path written down; and CTC in 50 digits.

It shares no code with the compiler. Values and gradients are those of one item.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, groupby, product

import numpy as np
from mpmath import log, mp, mpf

mp.dps = 50

Labels = Sequence[int]


@cache
def alignments(frames: int, classes: int, blank: int) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """Every sequence of classes over the frames, by the labels it stands for: repeats are one, blanks are none."""
    found: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for path in product(range(classes), repeat=frames):
        labels = tuple(c for c, _ in groupby(path) if c != blank)
        found.setdefault(labels, []).append(path)
    return found


def ctc(log_probs: np.ndarray, labels: Labels, blank: int = 0) -> tuple[float, np.ndarray]:
    """CTC of (T, C) log-probabilities: infinite, with a gradient of 0, where no alignment has these labels."""
    frames, classes = log_probs.shape
    paths = alignments(frames, classes, blank).get(tuple(map(int, labels)), [])
    slope = np.zeros_like(log_probs)
    chances = [float(np.exp(sum(log_probs[t, c] for t, c in enumerate(path)))) for path in paths]
    if not sum(chances):
        return np.inf, slope
    for path, chance in zip(paths, chances, strict=True):
        slope[range(frames), list(path)] -= chance / sum(chances)
    return -np.log(sum(chances)), slope


def transducer(logits: np.ndarray, labels: Labels, blank: int = 0) -> tuple[float, np.ndarray]:
    """RNN-T of (T, U + 1, C) logits: each alignment says in which frame each label is emitted."""
    frames = len(logits)
    scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    found = []
    for when in combinations(range(frames + len(labels) - 1), len(labels)):
        steps, t, u = [], 0, 0
        for step in range(frames + len(labels) - 1):
            steps.append((t, u, labels[u] if step in when else blank))
            t, u = (t, u + 1) if step in when else (t + 1, u)
        found.append([*steps, (t, u, blank)])
    return _of_paths(logits, scores, found)


def _of_paths(logits: np.ndarray, scores: np.ndarray, paths: list) -> tuple[float, np.ndarray]:
    """−log of the sum of the paths' probabilities, and its gradient by the logits of the softmaxes they go through."""
    chances = [float(np.exp(sum(scores[place] for place in path))) for path in paths]
    slope, softmax = np.zeros_like(logits), np.exp(scores)
    for path, chance in zip(paths, chances, strict=True):
        for *row, c in path:
            slope[(*row, c)] -= chance / sum(chances)
            slope[tuple(row)] += softmax[tuple(row)] * chance / sum(chances)
    return -np.log(sum(chances)), slope


def chain(
    emissions: np.ndarray, tags: Labels, transitions: np.ndarray, start: np.ndarray, end: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    """The linear-chain CRF: log of the sum over all paths, less the score of this one."""
    frames, states = emissions.shape

    def counts(path: Labels) -> list[np.ndarray]:
        found = [np.zeros_like(a) for a in (emissions, transitions, start, end)]
        found[0][range(frames), list(path)] = 1
        np.add.at(found[1], (list(path[:-1]), list(path[1:])), 1)
        found[2][path[0]] = found[3][path[-1]] = 1
        return found

    def score(path: Labels) -> float:
        taken = zip(counts(path), (emissions, transitions, start, end), strict=True)
        return sum(float(values[count > 0] @ count[count > 0]) for count, values in taken)

    paths = list(product(range(states), repeat=frames))
    weights = np.exp([score(path) for path in paths])
    slopes = [-count for count in counts(tuple(tags))]
    for path, weight in zip(paths, weights, strict=True):
        if weight:
            slopes = [s + weight / weights.sum() * count for s, count in zip(slopes, counts(path), strict=True)]
    return np.log(weights.sum()) - score(tuple(tags)), slopes


def walks(rows: int, columns: int) -> Iterator[list[tuple[int, int]]]:
    """Every way from the first to the last cell by steps right, down, and both."""
    if rows == columns == 1:
        yield [(0, 0)]
    for i, j in ((1, 1), (1, 0), (0, 1)):
        if rows > i and columns > j:
            for walk in walks(rows - i, columns - j):
                yield [*walk, (rows - 1, columns - 1)]


def warping(distances: np.ndarray, gamma: float = 1.0) -> tuple[float, np.ndarray]:
    """Soft-DTW: the soft minimum of all walks' lengths."""
    ways = list(walks(*distances.shape))
    lengths = np.array([sum(distances[cell] for cell in way) for way in ways])
    weights = np.exp(-(lengths - lengths.min()) / gamma)
    slope = np.zeros_like(distances)
    for way, weight in zip(ways, weights, strict=True):
        for cell in way:
            slope[cell] += weight / weights.sum()
    return lengths.min() - gamma * np.log(weights.sum()), slope


def hard_warping(distances: np.ndarray) -> float:
    """Dynamic time warping."""
    return min(sum(distances[cell] for cell in way) for way in walks(*distances.shape))


def ctc_in_50_digits(log_probs: np.ndarray, labels: Labels, blank: int = 0) -> tuple[float, np.ndarray]:
    """CTC by forward and backward sums of plain probabilities: these numbers neither underflow nor lose digits."""
    frames = len(log_probs)
    states = [blank] + [s for label in labels for s in (int(label), blank)]
    skips = [s > 1 and states[s] != blank and states[s] != states[s - 2] for s in range(len(states))]
    chance = [[mp.exp(mpf(float(x))) for x in row] for row in log_probs]
    zero = mpf(0)
    before = [[zero] * len(states) for _ in range(frames)]
    for t in range(frames):
        for s, label in enumerate(states):
            if t == 0:
                total = mpf(s < 2)
            else:
                last = before[t - 1]
                total = last[s] + (last[s - 1] if s else zero) + (last[s - 2] if skips[s] else zero)
            before[t][s] = total * chance[t][label] if total else zero
    whole = sum(before[-1][-2:])
    slope = np.zeros(log_probs.shape)
    after = [mpf(s >= len(states) - 2) for s in range(len(states))]
    for t in reversed(range(frames)):
        sums: dict[int, mpf] = {}
        for s, label in enumerate(states):
            sums[label] = sums.get(label, zero) + before[t][s] * after[s]
        for label, part in sums.items():
            slope[t, label] = -float(part / whole)
        own = [a * chance[t][label] if a else zero for a, label in zip(after, states, strict=True)]
        nexts = [*own, zero, zero]
        skipping = [*skips, False, False]
        after = [nexts[s] + nexts[s + 1] + (nexts[s + 2] if skipping[s + 2] else zero) for s in range(len(states))]
    return -float(log(whole)), slope
