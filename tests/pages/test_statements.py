"""What pages say is true: the gradients that they print are the slopes of the losses that they print, number by number."""

from collections.abc import Callable, Iterator
from itertools import product, takewhile
from pathlib import Path

import numpy as np
import pytest
from statements import Reader, Statement, inline, statements

import lossgen
from lossgen.cli.formulas import set_inline
from lossgen.cli.formulas.tex import Scripts
from lossgen.formula import Loss, Role, Variant
from lossgen.formula.letters import set_name
from lossgen.formula.load import load_losses
from lossgen.pages.blocks import Display, Formula, Paragraph, Section
from lossgen.pages.derived import curvature, definition, gradient

LOSSES = load_losses(Path(lossgen.__file__).parents[1] / "spec")
CLASSES, STEP = 4, 1e-5
DOMAINS = {
    "binary": lambda rng: float(rng.integers(2)),
    "sign": lambda rng: float(rng.choice([-1, 1])),
    "unit": lambda rng: rng.uniform(0.05, 0.95),
    "nonnegative": lambda rng: rng.uniform(0.1, 3),
    "positive": lambda rng: rng.uniform(0.1, 3),
    "above-minus-one": lambda rng: rng.uniform(-0.5, 3),
    "between-1-and-2": lambda rng: rng.uniform(1.1, 1.9),
    "class-index": lambda rng: int(rng.integers(CLASSES)),
}
#: What the reader of statements does not read: cells of recurrences, and rows of numbers without classes.
UNREAD = (
    *("crf_loss", "ctc_loss", "ctc_with_logits_loss", "rnnt_loss", "soft_dtw_loss"),
    *("contrastive_loss", "cosine_embedding_loss", "gradient_penalty", "ntxent_loss", "triplet_margin_loss"),
)
NAMES = [name for name in LOSSES if name not in UNREAD]


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_on_the_page_is_the_slope_of_the_loss_on_the_page(name):
    loss = LOSSES[name]
    said = zip(loss.pieces, _readings(loss, definition), _readings(loss, gradient), strict=True)
    for (variant, (formula, _), (slopes, _)), seed in product(said, range(3)):
        values = _values(loss, variant, np.random.default_rng(seed))
        compared = 0
        for argument, position, stated in _slopes(variant, slopes, values):
            expected = _difference(formula, values, argument, position)
            assert stated == pytest.approx(expected, rel=2e-5, abs=2e-6), (variant.label, argument, position)
            compared += 1
        assert compared >= len(variant.differentiable)


@pytest.mark.parametrize("name", NAMES)
def test_the_hessian_diagonal_on_the_page_is_the_second_slope_of_the_loss_on_the_page(name):
    loss = LOSSES[name]
    said = zip(loss.pieces, _readings(loss, definition), _readings(loss, curvature), strict=True)
    for variant, (formula, _), (second, words) in said:
        values = _values(loss, variant, np.random.default_rng(5))
        diagonal = list(takewhile(lambda s: not s.name.startswith("(H"), second))
        found = list(_slopes(variant, diagonal, values)) or [
            (_shown(a.name), 0 if a.axis else None, 0.0) for a in variant.predictions
        ]
        assert len(found) >= len(variant.predictions), variant.label
        assert diagonal or "The second derivative is 0 wherever it exists" in words, variant.label
        for argument, position, stated in found:
            expected = _difference(formula, values, argument, position, 2)
            assert stated == pytest.approx(expected, rel=1e-4, abs=1e-4), (variant.label, argument, position)


def test_a_sign_that_is_wrong_is_seen():
    formula = statements([Display((r"\ell &= \left(x - y\right)^{2}",))])
    values = {"x": 2.0, "y": 1.0}
    assert _difference(formula, values, "x", None) == pytest.approx(2)
    for latex, truth in ((r"2 \, (x - y)", True), (r"2 \, -(x - y)", False)):
        (said,) = statements([Display((rf"\frac{{\partial \ell}}{{\partial x}} &= {latex}",))])
        assert (Reader(values).value(said.right) == pytest.approx(2)) is truth


def _readings(loss: Loss, say: Callable[[Loss], Section]) -> list[tuple[list[Statement], str]]:
    """What is said for each piece of the loss, in formulas and in words: after the names of the pieces, if not for all."""
    found: list[tuple[int, list[Display], list[str]]] = [(len(loss.pieces), [], [])]
    for block in say(loss).blocks:
        words = (
            "".join(run.text for run in block.runs if not isinstance(run, Formula))
            if isinstance(block, Paragraph)
            else ""
        )
        if words.startswith(("With", "The part of")):
            found.append((words.count("; and ") + 1, [], []))
        elif isinstance(block, Display):
            found[-1][1].append(block)
        else:
            found[-1][2].append(words)
    named = found[1:] or found
    return [(statements(displays), " ".join(words)) for times, displays, words in named for _ in range(times)]


def _values(loss: Loss, variant: Variant, rng: np.random.Generator) -> dict:
    values = {_shown(a.name): _drawn(a.role, rng) for a in variant.arguments}
    for parameter in variant.parameters:
        default = float(loss.default(parameter.name))
        values[_shown(parameter.name)] = default or DOMAINS.get(parameter.role.domain, lambda _: 0.3)(rng)
    return values | {axis.name: CLASSES for axis in variant.axes}


def _shown(name: str) -> str:
    return set_inline(set_name(name))


def _drawn(role: Role, rng: np.random.Generator) -> float | list[float]:
    draw = DOMAINS.get(role.domain, lambda rng: rng.normal(0, 1.2))
    if role.name in ("Probability", "LogProbability"):
        draw = {"Probability": DOMAINS["unit"], "LogProbability": lambda rng: -rng.uniform(0.1, 3)}[role.name]
    return [draw(rng) for _ in range(CLASSES)] if role.axis is not None and not role.chooses else draw(rng)


def _slopes(variant: Variant, said: list[Statement], values: dict) -> Iterator[tuple[str, int | None, float]]:
    """Every entry of every gradient that the page states, by argument and position."""
    names = {_shown(a.name) for a in variant.differentiable}
    reader = Reader(values, [s for s in said if not s.name.startswith("∂")], CLASSES)
    done = set()
    for statement in sorted((s for s in said if s.name.startswith("∂")), key=lambda s: -len(s.name)):
        (_, entry) = statement.left[0].below.nodes[:2] if len(statement.left[0].below.nodes) > 1 else (None, None)
        if isinstance(entry, Scripts):
            entry = Scripts(entry.base, entry.below, None) if entry.below is not None else entry.base
        if inline([entry]) in names:
            yield inline([entry]), None, reader.value(statement.right)
            continue
        assert isinstance(entry, Scripts)
        argument, index = inline([entry.base]), inline(entry.below.nodes)
        for position in range(CLASSES) if index not in values else [values[index]]:
            if (argument, position) not in done:
                done.add((argument, position))
                reader.values = values | ({index: position} if index not in values else {})
                yield argument, position, reader.value(statement.right)


def _difference(formula: list[Statement], values: dict, argument: str, position: int | None, order: int = 1) -> float:
    """The central difference quotient, first or second, of the loss as the page defines it."""
    found = []
    size = STEP if order == 1 else STEP**0.75
    for step in (size, 0, -size):
        moved = values[argument]
        moved = moved + step if position is None else [v + step * (n == position) for n, v in enumerate(moved)]
        reader = Reader(values | {argument: moved}, formula[1:], CLASSES)
        found.append(reader.value(formula[0].right))
    if order == 1:
        return (found[0] - found[2]) / (2 * size)
    return (found[0] - 2 * found[1] + found[2]) / size**2
