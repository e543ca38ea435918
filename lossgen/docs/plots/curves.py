"""Value and gradient along one number of an argument."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from lossgen.derive import Derivation, Result
from lossgen.formula import Variant

from .domains import span
from .evaluate import Scope, evaluate
from .readings import Leaf, Reading

#: How many points a curve has; none is at a round number, where formulas have their corners.
POINTS = 300
#: How far curves must lie apart, as a part of what is shown, to be told from each other.
APART = 0.04
#: How many digits of a number are kept.
DIGITS = 8
#: Curves that differ in a part of the range narrower than this complement do not differ to the eye.
WIDE = 0.92


@dataclass(frozen=True)
class Curve:
    """One curve: what it stands for, and its numbers. `value` None is a curve that needs no name."""

    reading: Reading
    name: str
    value: Any
    loss: np.ndarray
    slope: np.ndarray


@dataclass(frozen=True)
class Section:
    """Curves over one number of an argument, and what else is worth saying: the numbers held fixed, by name."""

    reading: Reading
    leaf: Leaf
    x: np.ndarray
    curves: tuple[Curve, ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def range(self) -> tuple[float, float]:
        """The ends of what the curves run over."""
        return span(self.leaf.argument.role, self.reading.scale)

    @property
    def turns(self) -> bool:
        """Whether the curves differ in more than a constant, so that their gradients can be told apart."""
        return apart([c.slope for c in self.curves]) > APART

    @property
    def bounds(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What is shown of the values and of the gradients."""
        return bounds([c.loss for c in self.curves]), bounds([c.slope for c in self.curves])

    @property
    def spread(self) -> float:
        """How far the curves lie apart, as a part of what is shown."""
        return max(apart([c.loss for c in self.curves]), apart([c.slope for c in self.curves]))


def points(reading: Reading, leaf: Leaf) -> np.ndarray:
    """Where the curves are computed: the middles of equal parts of the range."""
    low, high = span(leaf.argument.role, reading.scale)
    return low + (high - low) * (np.arange(POINTS) + 0.5) / POINTS


def curve(reading: Reading, leaf: Leaf, x: np.ndarray, name: str = "", value: Any = None) -> Curve:
    """Value and gradient of the reading over the leaf."""
    numbers = placed(reading.numbers, leaf, x)
    loss = evaluate(reading.variant.expression, Scope(numbers))
    return Curve(reading, name, value, spread_out(loss, x), spread_out(slope(reading, leaf, numbers), x))


def spread_out(numbers: Any, x: np.ndarray, digits: int = DIGITS) -> np.ndarray:
    """A number for each point, rounded, so that the last digits of this machine's functions do not show."""
    found = np.broadcast_to(np.asarray(numbers, float), x.shape)
    largest = np.max(np.abs(found[np.isfinite(found)]), initial=0)
    with np.errstate(all="ignore"):
        unit = 10.0 ** (np.floor(np.log10(np.abs(found))) - digits + 1)
        rounded = np.round(found / unit) * unit
    return np.where(np.abs(found) > 1e-12 * largest, np.where(np.isfinite(found), rounded, found), 0.0)


def placed(numbers: Mapping[str, Any], leaf: Leaf, x: np.ndarray) -> dict[str, Any]:
    """The numbers with the leaf at each of the points."""
    name, here = leaf.argument.name, numbers[leaf.argument.name]
    if not leaf.position:
        return {**numbers, name: x}
    row = (
        np.repeat(np.asarray(here, float)[..., None], x.size, axis=-1)
        if np.ndim(here) == len(leaf.position)
        else here.copy()
    )
    row[leaf.position] = x
    return {**numbers, name: row}


def slope(reading: Reading, leaf: Leaf, numbers: Mapping[str, Any]) -> np.ndarray:
    """The derived gradient at the leaf."""
    result = next(r for r in _gradient(reading.loss.name, Key(reading.variant)) if r.argument == leaf.argument)
    return evaluate(*_at(result, leaf, numbers))


def _at(result: Result, leaf: Leaf, numbers: Mapping[str, Any]) -> tuple[Any, Scope]:
    """What is derived for the leaf's position, and the scope to evaluate it in."""
    if result.index is None:
        return result.generic, Scope(numbers)
    (position,) = leaf.position
    scope = Scope({**numbers, result.index.name: position})
    if result.at_label is not None and numbers[result.label.name] == position:
        return result.at_label, scope
    return result.generic, scope


class Key:
    """A variant as a key of the cache: the object itself."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant

    def __hash__(self) -> int:
        return id(self.variant)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.variant is other.variant


@lru_cache(maxsize=64)
def _gradient(name: str, key: Key) -> tuple[Result, ...]:
    return Derivation(name, key.variant).gradient


def bounds(numbers: Sequence[np.ndarray]) -> tuple[float, float]:
    """The range to show: all of it, but for what leaves the ordinary part of it far behind."""
    found = np.concatenate([n[np.isfinite(n)] for n in numbers]) if numbers else np.zeros(0)
    if not found.size:
        return -1.0, 1.0
    low, high = found.min(), found.max()
    sizes = np.abs(found)
    usual = np.quantile(sizes[sizes > 1e-6 * sizes.max()], 0.93) if sizes.max() > 0 else 0
    if usual > 0:
        low, high = (np.sign(end) * 1.4 * usual if abs(end) > 3 * usual else end for end in (low, high))
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low == 0:
        low, high = -1.0, 1.0
    margin = 0.06 * (high - low)
    return float(low - margin), float(high + margin)


def apart(numbers: Sequence[np.ndarray]) -> float:
    """The distance between two curves, over all but the narrowest part of the range, as a part of what is shown."""
    low, high = bounds(numbers)
    shown = [np.clip(np.where(np.isfinite(n), n, high), low, high) for n in numbers]
    gaps = [np.quantile(np.abs(a - b), WIDE) for k, a in enumerate(shown) for b in shown[:k]]
    return max(gaps, default=0.0) / (high - low)
