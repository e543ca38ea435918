"""What is derived of a loss, set for reading: definition, gradient, curvature, and the steps that lead there."""

import inspect
from collections.abc import Iterable

from lossgen.derive import Derivation, Result
from lossgen.derive.lattice import LatticeDerivation
from lossgen.derive.rules import PROTECTION, STABLE
from lossgen.derive.sweeps import lines_of
from lossgen.formula import Loss, SpecError, Variant
from lossgen.formula.recurrence import Lattice

from .blocks import Block, Formula, Paragraph, Plain, Section, prose
from .equation import equation
from .names import set_name
from .notation import latex


def definition(loss: Loss) -> Section:
    """The formula as the author wrote it, for each variant, with its recurrences."""
    blocks: list[Block] = []
    for variant in loss.pieces:
        blocks += _heading(variant)
        blocks.append(equation(r"\ell", variant.expression))
        for lattice in sorted(variant.expression.atoms(Lattice), key=str):
            left = set_name(str(lattice.name), *map(latex, lattice.indices))
            blocks.append(equation(left, lattice.cell))
            outside = Formula(rf"{set_name(str(lattice.name))} = {latex(lattice.outside)}")
            blocks.append(Paragraph((Plain("outside the axes "), outside)))
    return Section("definition", "Definition", tuple(blocks))


def gradient(loss: Loss) -> Section:
    """The gradient with respect to each differentiable argument."""
    blocks: list[Block] = []
    for variant in loss.pieces:
        blocks += _heading(variant)
        if variant.filled:
            sweeps = LatticeDerivation(loss.name, variant).evaluate()
            blocks += [equation(rf"\text{{{title}}}", value) for title, value in lines_of(sweeps)]
        else:
            blocks += _results(Derivation(loss.name, variant).gradient, "")
    return Section("gradient", "Gradient", tuple(blocks))


def curvature(loss: Loss) -> Section:
    """The diagonal of the Hessian where it exists, and its product with a direction."""
    blocks: list[Block] = []
    for variant in loss.pieces:
        blocks += _heading(variant)
        if variant.filled:
            continue
        derivation = Derivation(loss.name, variant)
        try:
            blocks += _results(derivation.hessian_diagonal, "^2")
            blocks += _results(derivation.curvature(variant.predictions).products, "^2")
        except SpecError as error:
            blocks.append(Paragraph(prose(str(error))))
    return Section("curvature", "Curvature", tuple(blocks))


def steps(loss: Loss) -> Section:
    """The rules that were applied, in order: the formula before and after, and why it holds."""
    blocks: list[Block] = []
    documents = {rule.__name__: inspect.getdoc(rule) or "" for rule in (*PROTECTION, *STABLE)}
    for variant in loss.pieces:
        blocks += _heading(variant)
        for rule, before, after in _steps(loss, variant):
            blocks.append(Paragraph(prose(f"{rule.replace('_', ' ')}: {documents[rule]}")))
            blocks.append(equation(latex(before), after))
    return Section("steps", "The derivation, step by step", tuple(blocks))


def _steps(loss: Loss, variant: Variant):
    if variant.filled:
        lattice = LatticeDerivation(loss.name, variant)
        lattice.evaluate()
        return lattice.trace.steps
    derivation = Derivation(loss.name, variant)
    _ = derivation.gradient
    return list(dict.fromkeys(derivation.trace.steps))


def _heading(variant: Variant) -> list[Block]:
    return [Paragraph(prose(f"Variant `{variant.label}`:"))] if variant.label else []


def _results(results: Iterable[Result], order: str) -> list[Block]:
    blocks: list[Block] = []
    for result in results:
        name = str(result.argument)
        for at, value in ((result.index, result.generic), (result.label, result.at_label)):
            if value is not None:
                entry = set_name(name, *([latex(at)] if at is not None else []))
                below = rf"\partial {entry}{order}" if order else rf"\partial {entry}"
                blocks.append(equation(rf"\frac{{\partial{order} \ell}}{{{below}}}", value))
    return blocks
