"""Inputs to hold a loss against: random ones, and the hard ones that its arguments' roles call for."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from numpy.random import Generator

from lossgen.formula import Axis, Loss, Role, Variant
from lossgen.formula.symbols import Argument, Hyperparameter

from . import alignments

Arrays = dict[str, np.ndarray]
Settings = dict[str, float | bool | str]

#: Saturated in single and in double precision, moderate, zero, tiny.
HARD_NUMBERS = (-1e4, -90.0, -20.0, -1.0, 0.0, 1e-30, 1e-3, 1.0, 17.0, 90.0, 1e4)
#: The most items of a hard batch; of more, some are drawn.
MOST_ITEMS = 250
GAPS = (0.0, 5.0, 15.0, 30.0, 104.0, 1e4)
#: Also beside a target of 1, and where a square leaves the range of single precision.
HARD_ESTIMATES = (-1e20, -1e4, -90.0, -20.0, -1.0, 0.0, 1e-30, 1e-3, 0.9999999, 1.0, 1.0000001, 17.0, 90.0, 1e4, 1e20)
HARD_PROBABILITIES = (0.0, 1e-30, 1e-3, 0.5, 0.9999999, 1.0)
HARD_ABOVE_MINUS_ONE = (-0.9999999, -0.5, 0.0, 1e-30, 1e-3, 1.0, 1.0000001, 1e4, 1e20)
HARD_AMOUNTS = (0.0, 1e-30, 1e-3, 1.0, 17.0, 1e4)
#: Also equal to an amount and close to one, where the gradient of a count loss is a difference.
HARD_MEANS = (0.0, 1e-30, 1e-3, 1.0, 1.0000001, 17.0, 1e4, 3e4)
#: Beside an amount, where a loss has a logarithm for its prediction: where the mean is equal to an amount.
HARD_LOGARITHMS = tuple(math.log(amount) for amount in HARD_AMOUNTS if amount not in (0, 1))
#: Embeddings: none, two ordinary ones, one with entries of different size.
HARD_EMBEDDINGS = (
    (0.0,),
    (0.7, -1.3, 0.2, 2.0, -0.4),
    (0.63, -1.37, 1.1, 1.9, 0.5),
    (90.0, -17.0, 1e-3, 0.0),
)
#: Beside them, where a loss takes no more than two: a multiple of an ordinary one, and one that is nearly equal to it.
ALIGNED_EMBEDDINGS = ((1.4, -2.6, 0.4, 4.0, -0.8), (0.7000001, -1.3, 0.2, 2.0, -0.4))
#: The size of the first axis; the others have one more each.
SIZE = 4
HARD_FEATURES = (-80.0, -17.0, -1e-4, 0.0, 1e-6, 1e-3, 1.0, 17.0, 80.0)


def sizes_for(variant: Variant) -> dict[str, int]:
    """Sizes of the axes to try a variant with."""
    if variant.filled:
        return alignments.sizes(variant)
    return {axis.name: SIZE + k for k, axis in enumerate(variant.axes)}


def random_items(variant: Variant, rng: Generator, count: int, sizes: Mapping[str, int]) -> Arrays:
    """A batch of ordinary items: arrays with the items along dimension 0 and axes of the given sizes along the next ones."""
    if variant.filled:
        return alignments.random_items(variant, rng, count, sizes)
    return {a.name: _random(a, rng, count, sizes) for a in variant.arguments}


def _random(argument: Argument, rng: Generator, count: int, sizes: Mapping[str, int]) -> np.ndarray:
    role = argument.role
    size = sizes[role.axis.name] if role.axis else None
    if role.integer:
        return rng.integers(0, size, count)
    if role.listed:
        return np.array([_label_list(rng.permutation(size)[: rng.integers(0, size + 1)], size) for _ in range(count)])
    shape = {"shared": (size,), "row": (count, size)}.get(role.layout, (count,))
    if role.kind == "weight":
        return rng.uniform(0.2, 2, shape)
    if role.domain == "unit" and role.label == "probabilities":
        return rng.dirichlet(np.ones(size), count)
    if role.domain == "unit":
        return rng.uniform(0.02, 0.98, shape)
    if role.domain == "binary":
        return rng.integers(0, 2, shape).astype(float)
    if role.domain == "sign":
        return rng.choice([-1.0, 1.0], shape)
    if role.kind == "target" and role.domain == "nonnegative":
        return rng.integers(1, 9, shape).astype(float)
    if role.kind == "prediction" and role.domain in ("nonnegative", "positive") and not role.broadcast:
        return rng.uniform(1, 4, shape)
    if role.domain in ("nonnegative", "positive", "above-minus-one"):
        return rng.uniform(0.1, 3, shape)
    return 2 * rng.normal(size=shape)


def _label_list(labels: Sequence[int], size: int) -> np.ndarray:
    return np.array([*labels, *[-1] * (size - len(labels))])


def counted(variant: Variant, arrays: Mapping[str, np.ndarray]) -> Arrays:
    """The arrays with each list of labels as the formula reads it: how often it names each class before its first -1."""

    def row(labels: Sequence[int]) -> list[float]:
        named = [*labels, -1]
        named = named[: named.index(-1)]
        return [float(named.count(c)) for c in range(len(labels))]

    lists = {a.name for a in variant.arguments if a.role.listed}
    return {n: np.array([row(labels) for labels in x.tolist()]) if n in lists else x for n, x in arrays.items()}


def hard_items(variant: Variant, rng: Generator, sizes: Mapping[str, int]) -> Arrays:
    """A batch of hard items: every hard prediction with every hard target."""
    if variant.filled:
        return alignments.hard_items(variant, rng, sizes)
    items = list(_hard_batch(variant, rng, sizes))
    return {
        a.name: (items[0] if a.role.layout == "shared" else {a.name: np.array([i[a.name] for i in items])})[a.name]
        for a in variant.arguments
    }


def _hard_batch(
    variant: Variant, rng: Generator, sizes: Mapping[str, int]
) -> Iterator[dict[str, np.ndarray | float | int]]:
    base = random_items(variant, rng, 1, sizes)
    ordinary = {a.name: base[a.name] if a.role.layout == "shared" else base[a.name][0] for a in variant.arguments}
    varied = [a for a in variant.arguments if a.role.kind in ("prediction", "target", "label")]
    hard = [_hard(a, sizes) for a in varied]
    if sum(map(_is_embedding, varied)) == 2:
        for a, rows in zip(varied, hard, strict=True):
            if _is_embedding(a):
                rows += [np.resize(row, sizes[a.role.axis.name]) for row in ALIGNED_EMBEDDINGS]
    if any(a.role.kind == "target" and a.role.domain == "nonnegative" for a in varied):
        for a, numbers in zip(varied, hard, strict=True):
            if a.role.name == "Prediction" and a.role.axis is None:
                numbers += HARD_LOGARITHMS
    choices = [c for c in product(*hard) if not _has_tied_distances(varied, c)]
    if len(choices) > MOST_ITEMS:
        choices = [choices[k] for k in sorted(rng.choice(len(choices), MOST_ITEMS, replace=False))]
    for choice in choices:
        yield {**ordinary, **{a.name: value for a, value in zip(varied, choice, strict=True)}}


def _is_embedding(argument: Argument) -> bool:
    role = argument.role
    return role.axis is not None and role.axis.place == "last" and role.kind == "prediction"


def _has_tied_distances(varied: list[Argument], choice: tuple) -> bool:
    """Whether two of three embeddings or more are equal: distances among them tie, and the least of them has no gradient."""
    rows = [tuple(row) for a, row in zip(varied, choice, strict=True) if _is_embedding(a)]
    return len(rows) > 2 and len(set(rows)) < len(rows)


def _hard(argument: Argument, sizes: Mapping[str, int]) -> list:
    role = argument.role
    if role.integer:
        return [0, sizes[role.axis.name] - 1]
    if role.listed:
        return [_label_list(labels, sizes[role.axis.name]) for labels in ([], [0], [sizes[role.axis.name] - 1, 0])]
    if role.axis is None:
        return _hard_predictions(role) if role.kind == "prediction" else _hard_targets(role.domain)
    return _hard_rows(role.kind, role.domain, role.axis, sizes[role.axis.name])


def _hard_predictions(role: Role) -> list[float]:
    if role.name == "Prediction":
        return list(HARD_ESTIMATES)
    by_domain = {
        "unit": HARD_PROBABILITIES,
        "nonnegative": HARD_MEANS,
        "positive": HARD_MEANS[1:],
        "above-minus-one": HARD_ABOVE_MINUS_ONE,
    }
    return list(by_domain.get(role.domain, HARD_NUMBERS))


def _hard_targets(domain: str) -> list[float]:
    by_domain = {
        "not-nan": (0.0, 1.0, -20.0),
        "sign": (-1.0, 1.0),
        "nonnegative": HARD_AMOUNTS,
        "above-minus-one": HARD_ABOVE_MINUS_ONE,
    }
    return list(by_domain.get(domain, (0.0, 1.0)))


def _hard_rows(kind: str, domain: str, axis: Axis, size: int) -> list[np.ndarray]:
    corners = [np.eye(size)[0], np.eye(size)[-1]]
    if kind == "target":
        return corners
    if domain == "unit":
        even, near = np.full(size, 0.6), np.where(np.eye(size)[0] == 1, 1 - 2.0**-24, 1e-30)
        return [*corners, even, even * (1 + 2.0**-22 * np.arange(size)), near]
    if axis.place == "last":
        return [np.resize(row, size) for row in HARD_EMBEDDINGS]
    if axis.place == "features":
        return [np.resize(HARD_FEATURES[start:], size) for start in range(0, len(HARD_FEATURES), size)]
    return [np.where(np.arange(size) == 0, gap, 0.3 * np.arange(size) * (gap > 0)) for gap in GAPS] + [np.zeros(size)]


def settings(loss: Loss, variant: Variant) -> list[Settings]:
    """Values of the hyperparameters worth a test: the defaults, and with each of them the edges of its domain.

    Options have the variant's own values.
    """
    chosen = {name: value for name, value in variant.options.items() if value is not None}
    defaults = {p.name: loss.typical(p) for p in variant.parameters} | chosen
    return [
        defaults,
        *({**defaults, p.name: other} for p in variant.parameters for other in _others(p) if other != defaults[p.name]),
    ]


def _others(parameter: Hyperparameter) -> tuple[float, ...]:
    by_domain = {
        "nonnegative": (0.0, 0.5),
        "positive": (0.5,),
        "unit": (0.0, 0.1),
        "between-1-and-2": (1.25, 1.75),
        "class-number": (2,),
    }
    return by_domain.get(parameter.role.domain, (-1.0,))
