"""Value and gradient over two coordinates: the simplex of three classes, or the plane of two entries of a row."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from sympy import exp

from lossgen.formula.nodes import LogSumExp
from lossgen.formula.symbols import Argument

from .curves import DIGITS, slope, spread_out
from .domains import LOG_SHARES, TARGETS
from .evaluate import Scope, evaluate
from .readings import Leaf, Reading, class_axis

#: Points along an edge of the simplex, and along a side of the plane.
EDGE, SIDE = 48, 61
#: The points of the simplex, each by its steps towards the first and the second corner.
PLACES = [(i, j) for i in range(EDGE + 1) for j in range(EDGE + 1 - i)]
#: The rim of the simplex, where losses are infinite, is left out.
RIM = 0.004
#: The corners of the simplex on the page: the first class on top.
CORNERS = np.array([[0.5, np.sqrt(0.75)], [0.0, 0.0], [1.0, 0.0]])
REACH = 3.0

Kind = Literal["simplex", "plane"]


@dataclass(frozen=True)
class Map:
    """A loss over two coordinates.

    kind : where the points lie; at : their places on the page, one row each; triangles : which of them make a triangle.
    loss, steepness : the value and the length of the gradient; descent : the way against the gradient, on the page.
    marks : the names and places of what is held fixed. target : the argument that differs from row to row, and its value.
    """

    reading: Reading
    argument: Argument
    kind: Kind
    at: np.ndarray
    triangles: np.ndarray
    loss: np.ndarray
    steepness: np.ndarray
    descent: np.ndarray
    marks: tuple[tuple[str, np.ndarray], ...]
    target: tuple[str, Any] | None

    @property
    def shares(self) -> np.ndarray:
        """The probabilities of the points of a simplex."""
        return shares_at(self.at)


def shares_at(places: np.ndarray) -> np.ndarray:
    """The probabilities of places on the simplex, one row each."""
    return np.linalg.solve(np.vstack([CORNERS.T, np.ones(3)]), np.vstack([places.T, np.ones(len(places))])).T


def maps(reading: Reading) -> list[Map]:
    """The maps of a reading: of a row of classes, or of an embedding; none for other losses."""
    axis = class_axis(reading.variant)
    rows = [a for a in reading.variant.predictions if a.role.axis is not None and not a.role.grid]
    if axis is not None:
        argument = next(a for a in rows if a.role.axis == axis)
        return [_simplex(reading, argument)] if on_simplex(reading, argument) else [_classes(reading, argument)]
    return list(_embeddings(reading, rows)) if _are_embeddings(reading, rows) else []


def _are_embeddings(reading: Reading, rows: list[Argument]) -> bool:
    """Whether all predictions are rows of two entries that count together."""
    return (
        0 < len(rows) == len(reading.variant.predictions)
        and len({a.role for a in rows}) == 1
        and rows[0].role.domain == "real"
        and reading.numbers[rows[0].role.axis.name] == 2
        and _is_coupled(reading, rows[0])
    )


def on_simplex(reading: Reading, argument: Argument) -> bool:
    """Whether a row of predictions means a distribution: probabilities, their logarithms, or logits whose softmax is taken."""
    raw = reading.variant.expression
    return argument.role.domain == "unit" or argument.role.name == LOG_SHARES or raw.has(exp, LogSumExp)


def simplex() -> tuple[np.ndarray, np.ndarray]:
    """Points of the simplex, one row each, and the triangles between them."""
    number = {place: k for k, place in enumerate(PLACES)}
    whole = np.array([(i, j, EDGE - i - j) for i, j in PLACES]) / EDGE
    up = [(number[i, j], number[i + 1, j], number[i, j + 1]) for i, j in PLACES if i + j < EDGE]
    down = [(number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]) for i, j in PLACES if i + j < EDGE - 1]
    return RIM + (1 - 3 * RIM) * whole, np.array(up + down)


def square(reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Points of a square around 0, one row each, and the triangles between them."""
    line = np.linspace(-reach, reach, SIDE)
    at = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    corner = np.array([i * SIDE + j for i in range(SIDE - 1) for j in range(SIDE - 1)])
    lower = np.stack([corner, corner + SIDE, corner + SIDE + 1], 1)
    upper = np.stack([corner, corner + SIDE + 1, corner + 1], 1)
    return at, np.concatenate([lower, upper])


def _simplex(reading: Reading, argument: Argument) -> Map:
    shares, triangles = simplex()
    entries = shares.T if argument.role.domain == "unit" else np.log(shares.T)
    loss, gradient = _over(reading, argument, entries)
    at, descent = shares @ CORNERS, -(gradient.T @ (CORNERS - CORNERS.mean(0)))
    steepness, target = _length(gradient), _target(reading)
    return Map(reading, argument, "simplex", at, triangles, loss, steepness, descent, _aims(reading), target)


def _target(reading: Reading) -> tuple[str, Any] | None:
    """The target where it is a class, or a list of one, and no place on the simplex."""
    named = [a for a in reading.variant.arguments if a.role.chooses or a.role.listed]
    return (named[0].name, 0) if named else None


def _aims(reading: Reading) -> tuple[tuple[str, np.ndarray], ...]:
    """Where the target lies on the simplex."""
    found = []
    for a in reading.variant.arguments:
        given = reading.numbers[a.name]
        if a.role.label == "probabilities":
            found.append((a.name, np.asarray(given)[:3] @ CORNERS))
    return tuple(found)


def _classes(reading: Reading, argument: Argument) -> Map:
    """Two logits, all others 0."""
    at, triangles = square(REACH)
    return _plane(reading, argument, at, triangles, (), _target(reading))


def _embeddings(reading: Reading, rows: list[Argument]) -> Iterator[Map]:
    at, triangles = square(REACH * 0.8)
    marks = tuple((a.name, np.asarray(reading.numbers[a.name])) for a in rows[1:])
    targets = [a for a in reading.variant.arguments if a.role.kind == "target" and not a.role.axes]
    for value in TARGETS.get(targets[0].role.domain, ()) if targets else (None,):
        target = None if value is None else (targets[0].name, value)
        hit = reading if target is None else replace(reading, numbers=reading.numbers | dict([target]))
        yield _plane(hit, rows[0], at, triangles, marks, target)


def _plane(reading: Reading, argument: Argument, at: np.ndarray, triangles: np.ndarray, marks: Any, target: Any) -> Map:
    rest = np.zeros((reading.numbers[argument.role.axis.name] - 2, len(at)))
    loss, gradient = _over(reading, argument, np.concatenate([at.T, rest]))
    return Map(reading, argument, "plane", at, triangles, loss, _length(gradient), -gradient[:2].T, marks, target)


def _is_coupled(reading: Reading, argument: Argument) -> bool:
    """Whether the slope in one entry depends on another: a map shows more than a section."""
    at = np.array([[0.7, 0.7], [0.3, 1.1]])
    return not np.allclose(*_over(reading, argument, at)[1][0])


def _over(reading: Reading, argument: Argument, entries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The value, and the gradient for each entry, where the row has these entries; further ones are as they were."""
    given = np.asarray(reading.numbers[argument.name], float)
    row = np.repeat(given[:, None], entries.shape[1], axis=1)
    row[: len(entries)] = entries
    numbers = reading.numbers | {argument.name: row}
    x = entries[0]
    loss = evaluate(reading.variant.expression, Scope(numbers))
    slopes = [spread_out(slope(reading, Leaf(argument, (k,)), numbers), x) for k in range(len(entries))]
    return spread_out(loss, x), np.array(slopes)


def _length(gradient: np.ndarray) -> np.ndarray:
    """The length, to fewer digits than the entries are rounded to: a length that is the same everywhere stays so."""
    return spread_out(np.sqrt((gradient**2).sum(0)), gradient[0], DIGITS - 1)
